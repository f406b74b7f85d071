// Faults, and what people see until they are fixed: nothing is lost, and each user is created once.

import { CRM, expect, test } from "../support/playground.js";

const approve = async (playground) => {
  await playground.decide();
  const card = playground.card();
  await playground.click(card, "Approve");
  return card;
};

const expectCreatedOnce = async (playground) => {
  await expect(playground.user()).toHaveCount(1);
  await playground.become("Rae Requester");
  await playground.goTo("marketing-ops");
  await expect(playground.message("Marketo API user created")).toHaveCount(1);
};

test("a bot that is killed before it reads Marketo's response finds the created user", async ({
  playground,
}) => {
  await playground.ask();
  await playground.break("Marketo: invites lose their response");
  const card = await approve(playground);
  await expect(playground.user()).toHaveCount(1);
  await playground.controls.getByRole("button", { name: "Kill the bot" }).click();
  await expect(playground.page.getByText("Bot is killed")).toBeVisible();
  await playground.screen("killed");

  await playground.become("Rae Requester");
  await playground.goTo("marketing-ops");
  await playground.run();
  await expect(playground.page.getByRole("alert")).toContainText("/marketo-api-user failed");

  await playground.controls.getByRole("button", { name: "Start the bot", exact: true }).click();
  await expect(playground.page.getByText("Bot is running")).toBeVisible();
  await playground.jump("+1 minute");
  await expectCreatedOnce(playground);
  await playground.decide();
  await expect(card).toContainText("The user is created in Marketo");
  await expect(playground.calls("invite.json")).toHaveCount(1);
});

test("a restarted bot continues a pending request", async ({ playground }) => {
  await playground.ask();
  await playground.controls.getByRole("button", { name: "Kill and restart the bot" }).click();
  await expect(playground.page.getByText("Bot is running")).toBeVisible();
  await approve(playground);
  await expectCreatedOnce(playground);
});

for (const [fault, jump] of [
  ["Marketo: down", "+1 hour"],
  ["Marketo: rate limit", "+1 hour"],
  ["Marketo: daily quota used up", "+1 day"],
]) {
  test(`${fault}: the card says that the bot waits, and the bot continues by itself`, async ({ playground }) => {
    await playground.ask();
    await playground.break(fault);
    const card = await approve(playground);
    await expect(card).toContainText(/I'll try again/);
    await expect(card.getByRole("button", { name: "Cancel request" })).toBeVisible();
    await expect(playground.user()).toHaveCount(0);
    await playground.screen(fault.replace(/\W+/g, "-").toLowerCase());
    await playground.fix(fault);
    await playground.jump(jump);
    await expectCreatedOnce(playground);
  });
}

test("a user whose invite lost its response is created once and found", async ({ playground }) => {
  await playground.ask();
  await playground.break("Marketo: invites lose their response");
  await approve(playground);
  await expect(playground.user()).toHaveCount(1);
  await playground.jump("+1 minute");
  await expectCreatedOnce(playground);
  await expect(playground.calls("invite.json")).toHaveCount(1);
});

test("a user that appears late in Marketo is announced when it appears", async ({ playground }) => {
  await playground.ask();
  await playground.break("Marketo: new users appear late");
  await approve(playground);
  await expect(playground.user()).toContainText("not in the lists yet");
  await playground.jump("+1 minute");
  await expectCreatedOnce(playground);
});

test("an expired token is renewed without an error", async ({ playground }) => {
  await playground.ask();
  const before = await playground.calls("/identity/oauth/token").count();
  await playground.controls.getByText("Break something").click();
  await playground.controls.getByRole("button", { name: "expire the token" }).click();
  await approve(playground);
  await expectCreatedOnce(playground);
  expect(await playground.calls("/identity/oauth/token").count()).toBeGreaterThan(before);
});

test("slow responses show a loading message, and the form can be used afterwards", async ({ playground }) => {
  const known = playground.calls("auth.test").filter({ hasText: "200" });
  const before = await known.count();
  await playground.break("Slow responses");
  await playground.controls.getByRole("button", { name: "Kill and restart the bot" }).click();
  // At this point the bot has reached Slack, and still loads its data from Marketo.
  await expect.poll(() => known.count()).toBeGreaterThan(before);
  await playground.run();
  await expect(playground.dialog).toContainText("Loading roles from");
  await playground.screen("loading");
  await expect(playground.field("Role")).toBeVisible({ timeout: 40_000 });
  await playground.fix("Slow responses");
  await playground.fill(CRM);
  await playground.submit();
  await expect(playground.dialog).toBeHidden();
});

test("after Slack's rate limit the card is updated", async ({ playground }) => {
  await playground.ask();
  await playground.decide();
  const card = playground.card();
  await expect(card).toBeVisible();
  await playground.break("Slack: rate limit");
  await playground.click(card, "Approve");
  await expect(playground.calls("429").first()).toBeVisible();
  await expect(card.getByRole("button", { name: "Approve" })).toBeVisible();
  await playground.fix("Slack: rate limit");
  await playground.jump("+1 minute");
  await expect(card).toContainText("The user is created in Marketo");
  await expectCreatedOnce(playground);
});

test("a request that is submitted while Slack is down is kept, and its card is posted later", async ({ playground }) => {
  await playground.fillIn();
  await playground.break("Slack: down");
  await playground.submit();
  await expect(playground.dialog).toBeHidden();
  await playground.decide();
  await expect(playground.card()).toHaveCount(0);
  await playground.fix("Slack: down");
  await playground.jump("+1 minute");
  await expect(playground.card()).toHaveCount(1);
});

test("a message whose response was lost is posted once", async ({ playground }) => {
  await playground.fillIn();
  await playground.break("Slack: responses are lost");
  await playground.submit();
  await playground.decide();
  await expect(playground.card()).toHaveCount(1);
  await playground.fix("Slack: responses are lost");
  await playground.jump("+1 minute");
  await expect(playground.calls("conversations.history").first()).toBeVisible();
  const card = playground.card();
  await playground.click(card, "Approve");
  await expect(card).toContainText("The user is created in Marketo");
  await expectCreatedOnce(playground);
  await playground.decide();
  await expect(playground.card()).toHaveCount(1);
});
