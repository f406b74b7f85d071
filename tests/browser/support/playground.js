// Page object of the playground: finds elements by their accessible names. The actions of scenarios are defined here, the
// expectations in the scenarios.

import { writeFile } from "node:fs/promises";
import AxeBuilder from "@axe-core/playwright";
import { test as base, expect } from "@playwright/test";
import { Demo } from "./demo.js";

export { expect };

const PICTURES = new URL("../../../target/browser/screens/", import.meta.url).pathname;

/** A test with its own open playground. Errors on the page and requests to other hosts fail it. */
export const test = base.extend({
  /** A custom configuration file; empty for the default. */
  policy: ["", { option: true }],
  demo: async ({ policy }, use, info) => {
    const options = [];
    if (policy) {
      options.push("--config", info.outputPath("policy.toml"));
      await writeFile(options.at(-1), policy);
    }
    const demo = await Demo.start(options);
    await use(demo);
    expect(await demo.stop(), demo.output).toBe(0);
  },
  playground: async ({ page, demo }, use) => {
    const problems = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("request", (request) => {
      if (!request.url().startsWith(demo.url)) problems.push(`requested ${request.url()}`);
    });
    const playground = new Playground(page, demo.url);
    await playground.open();
    await use(playground);
    expect(problems).toEqual([]);
  },
});

/** The date `days` days from today, in the format of date fields. */
export function day(days) {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

/** The default request. */
export const CRM = {
  Email: "svc-crm-sync@example.com",
  "First name": "Svc",
  "Last name": "Crm Sync",
  Reason: "Nightly sync of leads from the CRM.",
  "Access expiration": day(60),
  Role: "API Only",
};

export class Playground {
  constructor(page, url) {
    this.page = page;
    this.url = url;
    this.dialog = page.getByRole("dialog");
    this.log = page.getByRole("log", { name: /^Messages in/ });
    this.thread = page.getByRole("complementary", { name: "Thread" });
    this.marketo = page.getByRole("region", { name: "Marketo", exact: true });
    this.traffic = page.getByRole("list", { name: /^Requests and calls/ });
    this.controls = page.getByRole("region", { name: "Controls" });
    this.conversation = page.getByRole("region", { name: /^#|^Marketo Bot/ });
  }

  async open(path = "/") {
    await this.page.goto(this.url + path);
  }

  async become(name) {
    const personas = this.page.getByRole("navigation", { name: "Who you are" });
    await personas.getByRole("link", { name }).click();
    await expect(personas.locator("[aria-current]")).toContainText(name);
  }

  async goTo(name) {
    const conversations = this.page.getByRole("navigation", { name: "Conversations" });
    await conversations.getByRole("link", { name }).click();
    await expect(conversations.locator("[aria-current]")).toContainText(name);
  }

  async run(command = "/marketo-api-user") {
    await this.page.getByRole("textbox", { name: /^Message to/ }).fill(command);
    await this.page.getByRole("button", { name: "Send" }).click();
  }

  field(label) {
    return this.dialog.getByLabel(new RegExp(`^${label}( \\(optional\\))?$`));
  }

  async fill(values) {
    for (const [label, value] of Object.entries(values)) {
      const field = this.field(label);
      if (label === "Role") await field.selectOption(value);
      else await field.fill(value);
    }
  }

  async submit(name = "Request") {
    await this.dialog.getByRole("button", { name }).click();
  }

  /** Opens the form as Rae Requester in #marketing-ops, and fills it in. */
  async fillIn(values = {}) {
    await this.run();
    await expect(this.field("Role")).toBeVisible();
    await this.fill({ ...CRM, ...values });
  }

  /** Requests a user. */
  async ask(values = {}) {
    await this.fillIn(values);
    await this.submit();
    await expect(this.dialog).toBeHidden();
  }

  /** Switches to an approver in the approval channel. */
  async decide(name = "Ada Approver") {
    await this.become(name);
    await this.goTo("marketo-approvals");
  }

  message(text) {
    return this.log.getByRole("article").filter({ hasText: text });
  }

  /** The card of a request in any state. */
  card(email = CRM.Email) {
    return this.message(`Email: ${email}`);
  }

  async click(message, label) {
    await message.getByRole("button", { name: label, exact: true }).click();
  }

  user(email = CRM.Email) {
    return this.marketo.getByRole("row").filter({ hasText: email });
  }

  calls(name) {
    return this.traffic.getByRole("listitem").filter({ hasText: name });
  }

  async break(label) {
    const faults = this.controls.getByRole("group").filter({ hasText: "Break something" });
    if (!(await faults.getByRole("switch").first().isVisible())) {
      await faults.getByText("Break something").click();
    }
    const fault = faults.getByRole("switch", { name: label });
    await expect(fault).toHaveAttribute("aria-checked", "false");
    await fault.click();
    await expect(fault).toHaveAttribute("aria-checked", "true");
  }

  async fix(label) {
    const fault = this.controls.getByRole("switch", { name: label });
    await fault.click();
    await expect(fault).toHaveAttribute("aria-checked", "false");
  }

  async jump(label) {
    await this.controls.getByRole("button", { name: label }).click();
  }

  /** Checks the accessibility of the screen in light and dark, and saves screenshots. */
  async screen(name) {
    for (const colorScheme of ["light", "dark"]) {
      await this.page.emulateMedia({ colorScheme });
      const top = await this.page.evaluate(() => scrollY);
      const { violations } = await new AxeBuilder({ page: this.page }).analyze();
      const problems = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      expect(problems, `${name}, ${colorScheme}`).toEqual([]);
      await this.page.evaluate((top) => scrollTo({ top, behavior: "instant" }), top);
      await this.page.screenshot({ path: `${PICTURES}${name}-${colorScheme}.png` });
    }
    await this.page.emulateMedia({ colorScheme: null });
  }
}
