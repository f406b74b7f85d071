// A phone's screen: everything is reachable by touch, and nothing is wider than the screen.

import { CRM, expect, test } from "../support/playground.js";

test.use({ viewport: { width: 360, height: 740 }, hasTouch: true });

test("everything is reachable, and nothing is wider than the screen", async ({ playground, page }) => {
  const isNarrow = async () =>
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  await isNarrow();
  await playground.screen("narrow-start");
  await playground.run();
  await expect(playground.field("Role")).toBeVisible();
  await isNarrow();
  await playground.screen("narrow-form");
  await playground.fill({ ...CRM, Reason: `${"A reason".repeat(60)} https://example.com/${"x".repeat(200)}` });
  await playground.submit();
  await expect(playground.dialog).toBeHidden();
  await playground.decide();
  const card = playground.card();
  await card.getByRole("button", { name: "Approve" }).tap();
  await expect(card).toContainText("The user is created in Marketo");
  await isNarrow();
  await playground.screen("narrow-card");
  await expect(playground.user()).toBeVisible();
  await playground.controls.getByText("Break something").tap();
  await playground.calls("invite.json").locator("summary").tap();
  await expect(playground.calls("invite.json").locator("pre")).toContainText(CRM.Email);
  await isNarrow();
});
