// The main job as people see it, from the command to the created user, including mistakes.

import { CRM, day, expect, test } from "../support/playground.js";

test("a request with a corrected field is approved, and the user is announced", async ({ playground }) => {
  await playground.screen("start");
  await playground.page.getByRole("button", { name: "/marketo-api-user" }).click();
  await expect(playground.field("Role")).toBeVisible();
  await expect(playground.field("Email")).toBeFocused();
  await playground.screen("form");

  await playground.fill({ ...CRM, "Access expiration": day(-3) });
  await playground.submit();
  const end = playground.field("Access expiration");
  await expect(end).toHaveAttribute("aria-invalid", "true");
  await expect(end).toHaveAccessibleDescription(/That date has passed/);
  await expect(end).toBeFocused();
  await expect(playground.field("Reason")).toHaveValue(CRM.Reason);
  await playground.screen("form-with-fault");

  await end.fill(CRM["Access expiration"]);
  await playground.submit();
  await expect(playground.dialog).toBeHidden();
  await expect(playground.page.locator(":focus")).toHaveAccessibleName("/marketo-api-user");

  await playground.decide();
  const card = playground.card();
  await expect(card).toContainText(CRM.Email);
  await expect(card).toContainText(CRM.Reason);
  await playground.screen("card");
  await playground.click(card, "Approve");

  await expect(playground.user()).toContainText("Svc Crm Sync");
  await expect(playground.user()).toContainText("API only");
  await expect(card.getByRole("button")).toHaveCount(0);
  await expect(card).toContainText("The user is created in Marketo");
  await playground.become("Rae Requester");
  await playground.goTo("marketing-ops");
  const created = playground.message("Marketo API user created");
  await expect(created).toContainText(CRM.Email);
  await expect(created).toContainText("Approved by: @Ada Approver");
  await expect(created).toContainText("Next: create the custom service");
  await playground.screen("created");
});

test("nobody can approve their own request", async ({ playground }) => {
  await playground.ask();
  await playground.goTo("marketo-approvals");
  const card = playground.card();
  await playground.click(card, "Approve");
  const refusal = playground.message("Only visible to you");
  await expect(refusal).toContainText("your own");
  await playground.screen("own-approval-refused");
  await expect(card.getByRole("button", { name: "Approve" })).toBeVisible();
  await expect(playground.user()).toHaveCount(0);
  await playground.become("Ada Approver");
  await expect(refusal).toHaveCount(0);
});

test("a denied request tells the requester why, and creates no user", async ({ playground }) => {
  const reason = "The reports user can do this already. <b>*Please*</b> use that one.";
  await playground.ask();
  await playground.decide();
  const card = playground.card();
  await playground.click(card, "Deny");
  await expect(playground.dialog).toBeVisible();
  await playground.screen("deny");
  await playground.submit("Deny");
  await expect(playground.dialog.locator("[aria-invalid]")).toBeFocused();
  await playground.fill({ Reason: reason });
  await playground.submit("Deny");
  await expect(playground.dialog).toBeHidden();
  await expect(card).toContainText(reason);
  await expect(card.getByRole("button")).toHaveCount(0);

  await playground.become("Rae Requester");
  await playground.goTo("Marketo Bot");
  await expect(playground.log).toContainText(reason);
  await playground.screen("denied");
  await expect(playground.user()).toHaveCount(0);
});

test("a review is opened from a card, can reduce and approve the request, and can deny it", async ({
  playground,
}) => {
  await playground.ask();
  await playground.decide();
  await playground.click(playground.card(), "Review");
  await expect(playground.dialog).toContainText("Review request");
  await playground.screen("review");
  await playground.dialog.getByRole("button", { name: "Deny", exact: true }).click();
  await expect(playground.dialog).toContainText("Deny request");
  await expect(playground.dialog).toContainText("in front of another form");
  await playground.screen("pushed");
  await playground.dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(playground.dialog).toContainText("Review request");
  await playground.fill({ Role: "API Only - EMEA" });
  await playground.submit("Approve");
  await expect(playground.user()).toContainText("API Only - EMEA");
});
