// The playground's features: scenarios, simulated time, and custom policies.

import { CRM, expect, test } from "../support/playground.js";

test("advancing the time shows reminders in the thread and the expiration", async ({ playground }) => {
  await playground.ask();
  await playground.jump("+1 day");
  await playground.decide();
  await playground.card().getByRole("link", { name: /repl(y|ies)/ }).click();
  await expect(playground.thread).toContainText(/waits|waiting/);
  const times = playground.thread.locator("article > .content > .by time");
  await expect(times).toHaveText([/^yesterday at/, /^today at/]);
  const run = playground.conversation.getByRole("button", { name: "/marketo-api-user" });
  await expect(run).toBeInViewport({ ratio: 1 });
  await playground.screen("thread");
  await playground.thread.getByRole("link", { name: "Close thread" }).click();
  await expect(playground.thread).toBeHidden();
  await playground.click(playground.card(), "Approve");
  await expect(playground.user()).toHaveCount(1);
  await playground.jump("Jump to the next expiration");
  await expect(playground.user()).toContainText("expired");
});

test("a scenario is played by its URL, and the page follows it", async ({ playground, page }) => {
  await playground.open("/?scenario=deny&pace=quick");
  await expect(page.getByText("Finished: Request and deny with a reason.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Marketo Bot" })).toBeVisible();
  await expect(playground.log).toContainText("The reports user can do this already.");
  await playground.goTo("marketing-ops");
  await page.reload();
  await expect(page.getByRole("heading", { name: "#marketing-ops" })).toBeVisible();
});

test("scenarios are played by their buttons", async ({ playground, page }) => {
  for (const name of ["Request and deny with a reason", "Crash and recover"]) {
    await playground.controls.getByRole("button", { name }).click();
    await expect(page.getByText(`Finished: ${name}.`)).toBeVisible({ timeout: 40_000 });
  }
});

test("the transcript is copied as text", async ({ playground, page, context, demo }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: demo.url });
  await playground.ask();
  await playground.controls.getByRole("link", { name: "Copy the transcript" }).click();
  await expect(playground.controls.getByText("Copied.")).toBeVisible();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(text).toContain("#marketo-approvals");
  expect(text).toContain(`Email: ${CRM.Email}`);
});

test.describe("with a custom policy", () => {
  test.use({
    policy: `[policy]\napprovers = ["U0BOSS", "S0ADMINS"]\nrequesters = ["S0MAKERS"]\nroles = ["Web Sync"]\nreason = "required"\n`,
  });

  test("the people whom it names exist, and its rules apply", async ({ playground, page }) => {
    const people = page.getByRole("navigation", { name: "Who you are" });
    await expect(people.getByRole("link", { name: "approver" })).toHaveCount(3);
    await expect(people.getByRole("link", { name: /requester$/ })).toHaveCount(2);
    await playground.run();
    await expect(playground.message("Only visible to you")).toContainText("Ask @s0makers");
    await playground.become("Dev Requester");
    await playground.run();
    await expect(playground.field("Role").getByRole("option")).toHaveText([/Select/, "Web Sync"]);
    await playground.fill({ ...CRM, Reason: "", Role: "Web Sync" });
    await playground.submit();
    await expect(playground.field("Reason")).toHaveAttribute("aria-invalid", "true");
    await playground.screen("own-policy");
  });
});
