// Takes the README's screenshots: `npm run pictures`.

import { chromium } from "@playwright/test";
import { BROWSER } from "./support/browser.js";
import { Demo } from "./support/demo.js";

const FOLDER = new URL("pictures/", import.meta.url).pathname;

const demo = await Demo.start();
const browser = await chromium.launch(BROWSER);
for (const colorScheme of ["light", "dark"]) {
  const page = await browser.newPage({ colorScheme, locale: "en-US", viewport: { width: 1280, height: 860 } });
  await page.goto(`${demo.url}/?scenario=approve&pace=quick`);
  await page.getByText("Finished: ").waitFor();
  await page.locator("#log").getByText("Marketo API user created").waitFor();
  await page.getByText("Play a scenario").click();
  await page.getByText("Bot and time").click();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${FOLDER}${colorScheme}.png` });
  await page.close();
}
await browser.close();
await demo.stop();
