// The page itself: its size, its traffic, the reader's time zone and theme, and its behavior without scripts.

import { CRM, expect, test } from "../support/playground.js";

test("the page is smaller than 150 KB with all its files", async ({ playground, page }) => {
  await expect(playground.log).toBeVisible();
  const parts = await page.evaluate(() =>
    ["navigation", "resource"].flatMap((kind) =>
      performance.getEntriesByType(kind).map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize]),
    ),
  );
  const paths = parts.map(([path]) => path);
  expect(paths).toEqual(expect.arrayContaining(["/", "/assets/page.css", "/assets/page.js", "/assets/combo.js"]));
  expect(parts.reduce((sum, [, size]) => sum + size, 0)).toBeLessThan(150_000);
});

test("each request and call can be opened, and secrets are masked", async ({ playground }) => {
  await playground.ask();
  await playground.decide();
  await playground.click(playground.card(), "Approve");
  await expect(playground.card()).toContainText("The user is created in Marketo");
  const submission = playground.calls("view_submission").first();
  await submission.locator("summary").click();
  await expect(submission.locator("pre")).toContainText("view_submission");
  const invite = playground.calls("invite.json").first();
  await invite.locator("summary").focus();
  await playground.page.keyboard.press("Enter");
  await expect(invite.locator("pre")).toContainText('"apiOnly": true');
  await expect(submission.locator("pre")).toContainText('"X-Slack-Signature": "v0=•••"');
  const token = playground.calls("/identity/oauth/token").first();
  await token.locator("summary").click();
  await expect(token.locator("pre")).toContainText('"access_token": "•••"');
  await playground.screen("traffic");
});

test("times are shown in the reader's time zone", async ({ playground, page }) => {
  await playground.ask();
  await playground.decide();
  const end = new Date(`${CRM["Access expiration"]}T12:00:00Z`);
  end.setUTCDate(end.getUTCDate() + 1);
  const shown = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeZone: "UTC" }).format(end);
  // Rae lives in Los Angeles; a day that ends there ends at 0:59 the next morning in Denver.
  await expect(playground.card()).toContainText(`until ${shown}, 12:59 AM`);
  const time = page.locator("#log time").first();
  await expect(time).toHaveText(/^today at \d+:\d\d [AP]M$/);
});

test("the chosen theme is kept", async ({ playground, page }) => {
  await page.getByRole("button", { name: "Dark theme" }).click();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByRole("button", { name: "Light theme" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await expect(playground.log).toBeVisible();
});

test("two people see live updates, each in their own view", async ({ playground, context, demo }) => {
  const other = await context.newPage();
  await other.goto(`${demo.url}/?as=U0APPROVE&in=C0APPROVE`);
  await playground.ask();
  const card = other.getByRole("article").filter({ hasText: CRM.Email });
  await expect(card).toBeVisible();
  await card.getByRole("button", { name: "Approve" }).click();
  await expect(playground.message("Marketo API user created")).toBeVisible();
  await expect(playground.user()).toHaveCount(1);
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("a request is made and approved", async ({ demo, page }) => {
    await page.goto(demo.url);
    await page.getByRole("button", { name: "/marketo-api-user" }).click();
    await expect(async () => {
      await page.goto(`${demo.url}/?as=U0REQ&in=C0OPS`);
      await expect(page.getByLabel("Role")).toBeVisible({ timeout: 500 });
    }).toPass();
    for (const label of ["Email", "First name", "Last name"]) await page.getByLabel(label).fill(CRM[label]);
    await page.getByLabel("Role").selectOption(CRM.Role);
    await page.getByRole("button", { name: "Request", exact: true }).click();
    // Without scripts the page does not show by itself that the card has been posted.
    const approve = page.getByRole("button", { name: "Approve", exact: true });
    await expect(async () => {
      await page.goto(`${demo.url}/?as=U0APPROVE&in=C0APPROVE`);
      await expect(approve).toBeVisible({ timeout: 500 });
    }).toPass();
    await approve.click();
    await expect(async () => {
      await page.reload();
      await expect(page.getByRole("row").filter({ hasText: CRM.Email })).toHaveCount(1, { timeout: 500 });
    }).toPass();
  });
});
