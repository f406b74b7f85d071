// How fast the playground is, as a newcomer meets it: `npm run figures`, on the release build. Prints the middle of some
// runs: until `demo` says where its page is, until the page first shows something, and what the page weighs.

import { chromium } from "@playwright/test";
import { BROWSER } from "./support/browser.js";
import { Demo } from "./support/demo.js";

const RUNS = 9;
const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const [ready, painted, weights] = [[], [], []];
const browser = await chromium.launch(BROWSER);
for (let run = 0; run < RUNS; run++) {
  const demo = await Demo.start();
  ready.push(demo.readyAfter);
  const page = await browser.newPage();
  await page.goto(demo.url);
  await page.getByRole("log").waitFor();
  const [paint, weight] = await page.evaluate(async () => {
    const paint = await new Promise((resolve) => {
      new PerformanceObserver((list) => resolve(list.getEntriesByName("first-contentful-paint")[0].startTime)).observe({
        type: "paint",
        buffered: true,
      });
    });
    const parts = ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind));
    return [paint, parts.reduce((sum, part) => sum + part.encodedBodySize, 0)];
  });
  painted.push(paint);
  weights.push(weight);
  await page.close();
  await demo.stop();
}
await browser.close();
console.log(`demo is ready after ${middle(ready).toFixed(0)} ms (at most 1,000)`);
console.log(`the page first paints after ${middle(painted).toFixed(0)} ms (at most 1,000)`);
console.log(`the page weighs ${(middle(weights) / 1000).toFixed(1)} KB (at most 150)`);
