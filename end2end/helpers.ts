// What every browser test uses: the running programs, a conversation as a person sees it, and an ear for noise.

import { type BrowserContext, type BrowserContextOptions, type Locator, type Page, expect, test as base } from "@playwright/test";
import { Line, Rivulet, type Script, type Settings, Upstream } from "./processes";
import { recordReplies } from "./recorder";

export { expect };
export type { Script, Seen } from "./processes";

/** A message that tells the model's API how to answer. */
export const ask = (words: string, script: Script): string => `${words}\n@upstream ${JSON.stringify(script)}`;

let names = 0;
/** A name that no other test has: they share a server. */
export const newName = (who: string): string => `${who} ${process.pid} ${names++}`;

/** What the browser itself, and the library that reads streams, say about a connection that is cut. */
export const CUT = /net::ERR_|^TypeError: network error/;

/** Reports of the browser that something is wrong. Every one fails the test, unless the test has declared it. */
class Noise {
  private readonly heard: string[] = [];
  private readonly expected: RegExp[] = [];

  expect(noise: RegExp): void {
    this.expected.push(noise);
  }

  async listen(context: BrowserContext): Promise<void> {
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.heard.push(`${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => this.heard.push(`uncaught: ${error.error()}`));
    await context.addInitScript(() =>
      document.addEventListener("securitypolicyviolation", (event) =>
        console.error(`CSP report: ${event.effectiveDirective} ${event.blockedURI}`),
      ),
    );
  }

  unexpected(): string[] {
    return this.heard.filter((heard) => !this.expected.some((expected) => expected.test(heard)));
  }
}

/** A page with Rivulet in it. */
export class Chat {
  constructor(readonly page: Page) {}

  get field(): Locator {
    return this.page.getByRole("textbox", { name: "Your message" });
  }

  get send(): Locator {
    return this.page.getByRole("button", { name: /^(Send|Stop and send)$/ });
  }

  get stop(): Locator {
    return this.page.getByRole("button", { name: "Stop", exact: true });
  }

  get model(): Locator {
    return this.page.getByRole("combobox", { name: "Model" });
  }

  get said(): Locator {
    return this.page.getByRole("article").filter({ has: this.page.getByRole("heading", { name: "You said" }) });
  }

  get replied(): Locator {
    return this.page.getByRole("article").filter({ hasNot: this.page.getByRole("heading", { name: "You said" }) });
  }

  /** What the model wrote, without what the page says about it. */
  get prose(): Locator {
    return this.replied.locator(".reply");
  }

  get sidebar(): Locator {
    return this.page.getByRole("navigation", { name: "Conversations" });
  }

  get titles(): Locator {
    return this.sidebar.getByRole("listitem").getByRole("link");
  }

  get heading(): Locator {
    return this.page.getByRole("main").getByRole("heading", { level: 1 });
  }

  /** What the page says about the stream. */
  get status(): Locator {
    return this.page.getByRole("main").getByRole("status");
  }

  /** Opens an address and waits until our code has taken over. */
  async open(path = "/"): Promise<void> {
    await this.page.goto(path);
    await this.awake();
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.awake();
  }

  async awake(): Promise<void> {
    await expect(this.page.locator("[data-awake]")).toBeAttached();
  }

  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press("Enter");
  }

  /** The last reply's text, to the letter. */
  async text(): Promise<string> {
    return (await this.prose.last().textContent()) ?? "";
  }

  /** Waits until the last reply is exactly this text. */
  async shows(text: string, timeout = 15_000): Promise<void> {
    await expect.poll(() => this.text(), { timeout }).toBe(text);
  }

  /** Waits until the last reply has text of at least this length, and tells it. */
  async showsSome(length = 1): Promise<string> {
    await expect(this.prose.last()).toHaveText(new RegExp(`^[^]{${length},}`));
    return this.text();
  }

  async ended(): Promise<void> {
    await expect(this.stop).toBeHidden();
    await expect(this.replied.last().getByRole("button", { name: "Copy", exact: true }).last()).toBeVisible();
  }

  ending(words: RegExp): Locator {
    return this.replied.last().getByText(words);
  }

  /** How far the page is from its end, in pixels. */
  async below(): Promise<number> {
    return this.page.evaluate(() => {
      const page = document.documentElement;
      return Math.round(page.scrollHeight - page.scrollTop - page.clientHeight);
    });
  }
}

interface ForTest {
  noise: Noise;
  chat: Chat;
  /** Starts a server of the test's own; it ends with the test. */
  serve: (settings: Settings) => Promise<Rivulet>;
  /** A network between the browser and the server, to be cut; it ends with the test. */
  line: Line;
  /** A further browser; it ends with the test. */
  browse: (options?: BrowserContextOptions) => Promise<BrowserContext>;
}

interface ForWorker {
  upstream: Upstream;
  server: Rivulet;
}

/** Both formats of the one upstream, each with a model. The first is the default. */
export const providers = (upstream: Upstream): Settings => ({
  ANTHROPIC_BASE_URL: upstream.url,
  OPENAI_BASE_URL: `${upstream.url}/v1`,
  RIVULET_MODELS: "anthropic/claude-test,openai/gpt-test",
});

export const test = base.extend<ForTest, ForWorker>({
  upstream: [
    async ({}, use) => {
      const upstream = await Upstream.start();
      await use(upstream);
      await upstream.stop();
    },
    { scope: "worker" },
  ],

  server: [
    async ({ upstream }, use) => {
      const server = await Rivulet.start(providers(upstream));
      await use(server);
      await server.remove();
      expect(server.log).not.toContain("panicked");
    },
    { scope: "worker" },
  ],

  baseURL: async ({ server }, use) => use(server.url),

  noise: async ({ upstream }, use) => {
    await upstream.forget();
    const noise = new Noise();
    await use(noise);
    expect(noise.unexpected(), "The browser's console is silent").toEqual([]);
  },

  // A test's own servers and lines are named first, so that they go last: a page that outlives them asks for them, and
  // its browser says so.
  context: async ({ serve: _serve, line: _line, noise, context }, use) => {
    await noise.listen(context);
    await recordReplies(context);
    await use(context);
  },

  chat: async ({ page }, use) => use(new Chat(page)),

  serve: async ({}, use) => {
    const servers: Rivulet[] = [];
    await use(async (settings) => {
      servers.push(await Rivulet.start(settings));
      return servers[servers.length - 1];
    });
    for (const server of servers) {
      await server.remove();
      expect(server.log).not.toContain("panicked");
    }
  },

  line: async ({ server }, use) => {
    const line = await Line.start(server.url);
    await use(line);
    await line.end();
  },

  browse: async ({ serve: _serve, line: _line, noise, browser }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (options) => {
      const context = await browser.newContext(options);
      contexts.push(context);
      await noise.listen(context);
      await recordReplies(context);
      return context;
    });
    for (const context of contexts) await context.close();
  },
});
