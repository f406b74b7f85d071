// What breaks, and what people see of it until it is mended: nothing is lost, and each user is there once.

import { CRM, expect, test } from "../support/playground.js";

const approve = async (playground) => {
  await playground.decide();
  const card = playground.card();
  await playground.press(card, "Approve");
  return card;
};

const isThereOnce = async (playground) => {
  await expect(playground.user()).toHaveCount(1);
  await playground.become("Rae Requester");
  await playground.goTo("marketing-ops");
  await expect(playground.message("Marketo API user created")).toHaveCount(1);
};

test("killed after Marketo made the user and before it could know, the bot finds the user again", async ({
  playground,
}) => {
  await playground.ask();
  await playground.break("Marketo: invites are applied, then cut");
  const card = await approve(playground);
  await expect(playground.user()).toHaveCount(1);
  await playground.controls.getByRole("button", { name: "Kill the bot" }).click();
  await expect(playground.page.getByText("Bot is dead")).toBeVisible();
  await playground.screen("killed");

  await playground.become("Rae Requester");
  await playground.goTo("marketing-ops");
  await playground.run();
  await expect(playground.page.getByRole("alert")).toContainText("/marketo-api-user failed");

  await playground.controls.getByRole("button", { name: "Start the bot", exact: true }).click();
  await expect(playground.page.getByText("Bot runs")).toBeVisible();
  await playground.jump("+1 minute");
  await isThereOnce(playground);
  await playground.decide();
  await expect(card).toContainText("The user is created in Marketo");
  await expect(playground.calls("invite.json")).toHaveCount(1);
});

test("killed and restarted while a request waits, the bot goes on with it", async ({ playground }) => {
  await playground.ask();
  await playground.controls.getByRole("button", { name: "Kill and restart the bot" }).click();
  await expect(playground.page.getByText("Bot runs")).toBeVisible();
  await approve(playground);
  await isThereOnce(playground);
});

for (const [fault, jump] of [
  ["Marketo: down", "+1 hour"],
  ["Marketo: rate reached", "+1 hour"],
  ["Marketo: daily quota reached", "+1 day"],
]) {
  test(`${fault}: the card says that it waits, and it goes on by itself`, async ({ playground }) => {
    await playground.ask();
    await playground.break(fault);
    const card = await approve(playground);
    await expect(card).toContainText(/I'll try again/);
    await expect(card.getByRole("button", { name: "Cancel request" })).toBeVisible();
    await expect(playground.user()).toHaveCount(0);
    await playground.screen(fault.replace(/\W+/g, "-").toLowerCase());
    await playground.mend(fault);
    await playground.jump(jump);
    await isThereOnce(playground);
  });
}

test("Marketo makes a user and cuts the answer: it is made once, and found", async ({ playground }) => {
  await playground.ask();
  await playground.break("Marketo: invites are applied, then cut");
  await approve(playground);
  await expect(playground.user()).toHaveCount(1);
  await playground.jump("+1 minute");
  await isThereOnce(playground);
  await expect(playground.calls("invite.json")).toHaveCount(1);
});

test("a user that shows late in Marketo is announced once it is there", async ({ playground }) => {
  await playground.ask();
  await playground.break("Marketo: new users show late");
  await approve(playground);
  await expect(playground.user()).toContainText("does not show in the lists yet");
  await playground.jump("+1 minute");
  await isThereOnce(playground);
});

test("an expired token is renewed, and nobody notices", async ({ playground }) => {
  await playground.ask();
  const before = await playground.calls("/identity/oauth/token").count();
  await playground.controls.getByText("Break something").click();
  await playground.controls.getByRole("button", { name: "expire the token" }).click();
  await approve(playground);
  await isThereOnce(playground);
  expect(await playground.calls("/identity/oauth/token").count()).toBeGreaterThan(before);
});

test("slow answers show what is loading, and the form can be used once they are there", async ({ playground }) => {
  const known = playground.calls("auth.test").filter({ hasText: "200" });
  const before = await known.count();
  await playground.break("Slow answers");
  await playground.controls.getByRole("button", { name: "Kill and restart the bot" }).click();
  // By then it knows where it is, and asks Marketo for some seconds more.
  await expect.poll(() => known.count()).toBeGreaterThan(before);
  await playground.run();
  await expect(playground.dialog).toContainText("Loading roles from");
  await playground.screen("loading");
  await expect(playground.field("Role")).toBeVisible({ timeout: 40_000 });
  await playground.mend("Slow answers");
  await playground.fill(CRM);
  await playground.submit();
  await expect(playground.dialog).toBeHidden();
});

test("at Slack's rate limit the card is brought up to date later", async ({ playground }) => {
  await playground.ask();
  await playground.decide();
  const card = playground.card();
  await expect(card).toBeVisible();
  await playground.break("Slack: rate limit");
  await playground.press(card, "Approve");
  await expect(playground.calls("429").first()).toBeVisible();
  await expect(card.getByRole("button", { name: "Approve" })).toBeVisible();
  await playground.mend("Slack: rate limit");
  await playground.jump("+1 minute");
  await expect(card).toContainText("The user is created in Marketo");
  await isThereOnce(playground);
});

test("while Slack is down a submitted request is kept, and its card is posted afterwards", async ({ playground }) => {
  await playground.fillIn();
  await playground.break("Slack: down");
  await playground.submit();
  await expect(playground.dialog).toBeHidden();
  await playground.decide();
  await expect(playground.card()).toHaveCount(0);
  await playground.mend("Slack: down");
  await playground.jump("+1 minute");
  await expect(playground.card()).toHaveCount(1);
});

test("where Slack posts and its answer is lost, the message stands there once", async ({ playground }) => {
  await playground.fillIn();
  await playground.break("Slack: answers are lost");
  await playground.submit();
  await playground.decide();
  await expect(playground.card()).toHaveCount(1);
  await playground.mend("Slack: answers are lost");
  await playground.jump("+1 minute");
  await expect(playground.calls("conversations.history").first()).toBeVisible();
  const card = playground.card();
  await playground.press(card, "Approve");
  await expect(card).toContainText("The user is created in Marketo");
  await isThereOnce(playground);
  await playground.decide();
  await expect(playground.card()).toHaveCount(1);
});
