// How the browser scenarios are run: one after another, in a Chromium that is on the machine already.

import { defineConfig } from "@playwright/test";
import { BROWSER } from "./support/browser.js";

const OUTPUT = "../../target/browser";

export default defineConfig({
  testDir: "scenarios",
  testMatch: "*.js",
  outputDir: `${OUTPUT}/results`,
  workers: 1,
  forbidOnly: !!process.env.CI,
  // A busy machine is slow; nothing here waits for a time that is not told.
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    launchOptions: BROWSER,
    locale: "en-US",
    // Not the zone of the people who are simulated, Los Angeles: what is shown is in the reader's own. An hour later all
    // year, since the end of a day is never between the changes of the two clocks.
    timezoneId: "America/Denver",
    viewport: { width: 1280, height: 900 },
    trace: "retain-on-failure",
  },
});
