// Runs the browser scenarios one after another, in the installed Chromium.

import { defineConfig } from "@playwright/test";
import { BROWSER } from "./support/browser.js";

const OUTPUT = "../../target/browser";

export default defineConfig({
  testDir: "scenarios",
  testMatch: "*.js",
  outputDir: `${OUTPUT}/results`,
  workers: 1,
  forbidOnly: !!process.env.CI,
  // Generous, for busy machines; every wait has its own condition.
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    launchOptions: BROWSER,
    locale: "en-US",
    // Not the simulated requester's zone, Los Angeles: times are shown in the reader's zone. Denver is one hour ahead all
    // year, because both zones change to daylight saving time on the same day and no day ends between the changes.
    timezoneId: "America/Denver",
    viewport: { width: 1280, height: 900 },
    trace: "retain-on-failure",
  },
});
