// The whole job by keyboard alone, without a mouse.

import { CRM, expect, test } from "../support/playground.js";

/** Presses Tab until `target` has the focus. */
async function tabTo(target) {
  const page = target.page();
  await target.waitFor();
  const isFocused = () => target.evaluate((element) => element === document.activeElement);
  for (let tabs = 0; tabs < 150; tabs++) {
    if (await isFocused()) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the focus never comes to ${target}`);
}

async function use(target, key = "Enter") {
  await tabTo(target);
  await expect(target).toBeFocused();
  await target.page().keyboard.press(key);
}

test("a request is made and approved by keyboard alone", async ({ playground, page }) => {
  await use(page.getByRole("link", { name: "Skip to the conversation" }));
  await expect(playground.log).toBeFocused();
  await tabTo(page.getByRole("textbox", { name: /^Message to/ }));
  await page.keyboard.type("/marketo-api-user svc-crm-sync@example.com");
  await page.keyboard.press("Enter");

  await expect(playground.field("Email")).toBeFocused();
  await expect(playground.field("Email")).toHaveValue(CRM.Email);
  for (const label of ["First name", "Last name", "Reason"]) {
    await tabTo(playground.field(label));
    await page.keyboard.type(CRM[label]);
  }
  await tabTo(playground.field("Access expiration"));
  const [year, month, date] = CRM["Access expiration"].split("-");
  await page.keyboard.type(`${month}${date}${year}`);
  await tabTo(playground.field("Role"));
  await page.keyboard.type("API");
  await expect(playground.field("Role").locator("option:checked")).toHaveText("API Only");
  await use(playground.dialog.getByRole("button", { name: "Request" }));
  await expect(playground.dialog).toBeHidden();
  await expect(page.getByRole("textbox", { name: /^Message to/ })).toBeFocused();

  await use(page.getByRole("link", { name: "Ada Approver" }));
  await use(page.getByRole("link", { name: "marketo-approvals" }));
  const card = playground.card();
  await expect(card).toContainText(CRM.Reason);
  await use(card.getByRole("button", { name: "Approve" }), "Space");
  await expect(card).toContainText("The user is created in Marketo");
  await expect(playground.user()).toContainText("API Only");
});

test("the focus stays inside a form, and Escape closes it", async ({ playground, page }) => {
  const run = page.getByRole("button", { name: "/marketo-api-user" });
  await use(run);
  await expect(playground.field("Email")).toBeFocused();
  await page.keyboard.press("Shift+Tab");
  await expect(page.getByRole("textbox", { name: /^Message to/ })).not.toBeFocused();
  await playground.field("Email").focus();
  await page.keyboard.press("Escape");
  await expect(playground.dialog).toBeHidden();
  await expect(run).toBeFocused();
});

test("a live update keeps the focus and the typed text", async ({ playground, page, context, demo }) => {
  const elsewhere = await context.newPage();
  await elsewhere.goto(demo.url);
  const box = page.getByRole("textbox", { name: /^Message to/ });
  await box.pressSequentially("half a sen");
  await elsewhere.getByRole("textbox", { name: /^Message to/ }).fill("A word from elsewhere");
  await elsewhere.keyboard.press("Enter");
  await expect(playground.message("A word from elsewhere")).toBeVisible();
  await expect(box).toBeFocused();
  await expect(box).toHaveValue("half a sen");
});

test("a confirmation dialog is answered by keyboard", async ({ playground, page }) => {
  await playground.ask();
  await playground.goTo("Marketo Bot");
  const cancel = playground.log.getByRole("button", { name: "Cancel request" });
  const confirmation = page.getByRole("alertdialog", { name: "Cancel this request?" });
  await use(cancel);
  await expect(confirmation).toBeVisible();
  await playground.screen("confirmation");
  await page.keyboard.press("Escape");
  await expect(confirmation).toBeHidden();
  await expect(cancel).toBeFocused();
  await page.keyboard.press("Enter");
  await use(confirmation.getByRole("button", { name: "Keep it" }));
  await expect(confirmation).toBeHidden();
  await expect(cancel).toBeVisible();
  await use(cancel);
  await use(confirmation.getByRole("button", { name: "Cancel request" }));
  await expect(playground.log).toContainText("Cancelled by @Rae Requester");
  await expect(cancel).toHaveCount(0);
});

test.describe("with more roles than a select holds", () => {
  const roles = Array.from({ length: 120 }, (_, index) => `Role ${index + 1}`);
  test.use({ policy: `[policy]\napprovers = ["U0BOSS"]\nroles = ${JSON.stringify(roles)}\n` });

  test("a role is searched for and chosen by keyboard", async ({ playground, page }) => {
    await playground.run();
    const role = page.getByRole("combobox", { name: "Role" });
    await tabTo(role);
    await expect(page.getByRole("option")).not.toHaveCount(0);
    await page.keyboard.type("role 11");
    await expect(page.getByRole("option")).toHaveCount(11);
    await expect(page.getByRole("option").nth(5)).toBeInViewport();
    await playground.screen("search");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    const chosen = page.getByRole("option", { selected: true });
    await expect(role).toHaveAttribute("aria-activedescendant", await chosen.getAttribute("id"));
    const name = await chosen.textContent();
    await page.keyboard.press("Enter");
    await expect(role).toHaveValue(name);
    await expect(page.getByRole("listbox")).toBeHidden();

    await page.keyboard.press("ArrowDown");
    await expect(page.getByRole("listbox")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page.getByRole("listbox")).toBeHidden();
    await expect(playground.dialog).toBeVisible();
    await page.keyboard.type(" nothing like it");
    await expect(page.getByRole("option", { name: "No matches" })).toBeVisible();
    await page.keyboard.press("Tab");
    await expect(role).toHaveValue(name);

    const { Role: _, ...rest } = CRM;
    await playground.fill(rest);
    await playground.submit();
    await expect(playground.dialog).toBeHidden();
    await playground.goTo("Marketo Bot");
    await expect(playground.log).toContainText(`Role: ${name}`);
  });
});
