// Measures the playground: `npm run figures`, on the release build. Prints the median of several runs: the time until
// `demo` prints its URL, the time to first paint, and the size of the page.

import { chromium } from "@playwright/test";
import { BROWSER } from "./support/browser.js";
import { Demo } from "./support/demo.js";

const RUNS = 9;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

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
console.log(`demo is ready after ${median(ready).toFixed(0)} ms (at most 1,000)`);
console.log(`the page first paints after ${median(painted).toFixed(0)} ms (at most 1,000)`);
console.log(`the page weighs ${(median(weights) / 1000).toFixed(1)} KB (at most 150)`);
