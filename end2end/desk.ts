// A site, its agents and its visitors, for the tests of the desk.

import { type APIResponse, type BrowserContext, type BrowserContextOptions, type Locator, type Page, expect } from "@playwright/test";
import type { Rivulet, Script } from "./processes";

export const PASSWORD = "a quiet river";
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

type Browse = (options?: BrowserContextOptions) => Promise<BrowserContext>;

async function taken(answer: APIResponse): Promise<APIResponse> {
  expect(answer.ok(), `${answer.url()}: ${answer.status()}`).toBe(true);
  return answer;
}

/** Signs up by a link, and is in the browser from then on. */
async function signUp(context: BrowserContext, link: string, name: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(link);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-up"));
  return page;
}

/** A server with a site whose first agent is the admin. */
export class Desk {
  /** Of the process that it was begun at. */
  readonly url: string;

  private constructor(
    readonly server: Rivulet,
    readonly admin: Page,
    readonly site: string,
    private readonly browse: Browse,
  ) {
    this.url = server.url;
  }

  static async start(server: Rivulet, browse: Browse, settings: object = {}, options: BrowserContextOptions = {}): Promise<Desk> {
    // Printed right after the address.
    const link = () => /http\S+invitation=[0-9a-f]{64}/.exec(server.log)?.[0] ?? "";
    await expect.poll(link).not.toBe("");
    const admin = await signUp(await browse({ viewport: DESKTOP, ...options }), link(), "Root");
    const data = { settings: { name: "shop", title: "The Shop", system: "Be brief.", ...settings } };
    const site = (await (await taken(await admin.request.post(`${server.url}/api/v1/sites`, { data }))).json()).id;
    const desk = new Desk(server, admin, site, browse);
    await desk.list("Root");
    return desk;
  }

  /** A further site, on which the admin answers. */
  async another(settings: object): Promise<string> {
    const made = await taken(await this.admin.request.post(this.at("/api/v1/sites"), { data: { settings } }));
    const { id } = await made.json();
    await this.list("Root", id);
    return id;
  }

  at(path: string): string {
    return this.url + path;
  }

  private async form(path: string, form: Record<string, string>): Promise<string> {
    return (await taken(await this.admin.request.post(this.at(path), { form, headers: { origin: this.url } }))).text();
  }

  private async list(name: string, site = this.site): Promise<void> {
    await this.form("/admin/sites/agents", { site, name });
  }

  /** Another agent, in a browser of their own. */
  async hire(name: string, options: BrowserContextOptions = {}): Promise<Page> {
    const html = await this.form("/admin/invitations", { note: name, role: "agent", uses: "1", days: "7" });
    const secret = /invitation=([0-9a-f]{64})/.exec(html)?.[1] ?? "";
    const page = await signUp(await this.browse({ viewport: DESKTOP, ...options }), this.at(`/sign-up?invitation=${secret}`), name);
    await this.list(name);
    return page;
  }

  async visitor(options: BrowserContextOptions = {}): Promise<Visitor> {
    const page = await (await this.browse({ viewport: PHONE, ...options })).newPage();
    await page.goto(this.at(`/w/${this.site}`));
    return new Visitor(page);
  }
}

/** The page of a site. */
export class Visitor {
  constructor(readonly page: Page) {}

  get field(): Locator {
    return this.page.getByRole("textbox", { name: "Your message" });
  }

  get who(): Locator {
    return this.page.locator("#who");
  }

  get said(): Locator {
    return this.page.locator("#log article");
  }

  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press("Enter");
    await expect(this.field).toHaveValue("");
  }

  /** What every message says, with its author. */
  async transcript(): Promise<string[]> {
    return transcript(this.page);
  }
}

/** What every message says, without who says it and when: these differ between those who look. */
export async function transcript(page: Page): Promise<string[]> {
  return page.locator("#log article").evaluateAll((articles) =>
    articles.map((article) => (article.querySelector(".prose, .turn__text")?.textContent ?? "").trim()),
  );
}

/** The inbox. */
export class Inbox {
  constructor(readonly page: Page) {}

  get rows(): Locator {
    return this.page.locator("#rows > li");
  }

  get thread(): Locator {
    return this.page.locator("#thread");
  }

  get who(): Locator {
    return this.thread.locator("#who");
  }

  get field(): Locator {
    return this.page.getByRole("textbox", { name: "Your answer" });
  }

  get said(): Locator {
    return this.page.locator("#log article");
  }

  async open(url: string): Promise<void> {
    await this.page.goto(url);
    await expect(this.page.locator("[data-awake]")).toBeAttached();
  }

  button(name: string | RegExp): Locator {
    return this.thread.getByRole("button", { name });
  }
}

export const asking = (words: string, script: Script): string => `${words}\n@upstream ${JSON.stringify(script)}`;
