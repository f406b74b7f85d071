// The playground as people use it: by the names that a reader, or a screen reader, finds things by. What a scenario does
// is said here once; what it expects is said by the scenario.

import { writeFile } from "node:fs/promises";
import AxeBuilder from "@axe-core/playwright";
import { test as base, expect } from "@playwright/test";
import { Demo } from "./demo.js";

export { expect };

const PICTURES = new URL("../../../target/browser/screens/", import.meta.url).pathname;

/** A test with an open playground of its own. Whatever the page complains of, or calls elsewhere, fails it. */
export const test = base.extend({
  /** A configuration of one's own, if any. */
  policy: ["", { option: true }],
  demo: async ({ policy }, use, info) => {
    const options = [];
    if (policy) {
      options.push("--config", info.outputPath("policy.toml"));
      await writeFile(options.at(-1), policy);
    }
    const demo = await Demo.start(options);
    await use(demo);
    expect(await demo.stop(), demo.said).toBe(0);
  },
  playground: async ({ page, demo }, use) => {
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("request", (request) => {
      if (!request.url().startsWith(demo.url)) complaints.push(`asked for ${request.url()}`);
    });
    const playground = new Playground(page, demo.url);
    await playground.open();
    await use(playground);
    expect(complaints).toEqual([]);
  },
});

/** A day so many days from today, as a date field takes it. */
export function day(days) {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

/** What is asked for where a scenario does not care. */
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

  async goTo(place) {
    const places = this.page.getByRole("navigation", { name: "Conversations" });
    await places.getByRole("link", { name: place }).click();
    await expect(places.locator("[aria-current]")).toContainText(place);
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

  /** Asks for a user. */
  async ask(values = {}) {
    await this.fillIn(values);
    await this.submit();
    await expect(this.dialog).toBeHidden();
  }

  /** Becomes an approver who looks at the cards. */
  async decide(name = "Ada Approver") {
    await this.become(name);
    await this.goTo("marketo-approvals");
  }

  message(text) {
    return this.log.getByRole("article").filter({ hasText: text });
  }

  /** The card of a request, whatever has become of it. */
  card(email = CRM.Email) {
    return this.message(`Email: ${email}`);
  }

  async press(message, label) {
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

  async mend(label) {
    const fault = this.controls.getByRole("switch", { name: label });
    await fault.click();
    await expect(fault).toHaveAttribute("aria-checked", "false");
  }

  async jump(label) {
    await this.controls.getByRole("button", { name: label }).click();
  }

  /** Holds a screen in light and dark against the rules of accessibility, and keeps its picture. */
  async screen(name) {
    for (const colorScheme of ["light", "dark"]) {
      await this.page.emulateMedia({ colorScheme });
      const place = await this.page.evaluate(() => scrollY);
      const { violations } = await new AxeBuilder({ page: this.page }).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      expect(found, `${name}, ${colorScheme}`).toEqual([]);
      await this.page.evaluate((place) => scrollTo({ top: place, behavior: "instant" }), place);
      await this.page.screenshot({ path: `${PICTURES}${name}-${colorScheme}.png` });
    }
    await this.page.emulateMedia({ colorScheme: null });
  }
}
