// Pages that are changed between server and browser: extensions put elements beside fields, proxies rewrite addresses
// and strip comments, browsers translate. And programs that stop.

import type { Page } from "@playwright/test";
import { type Chat, type Script, ask, expect, test } from "./helpers";

/** What the page says once when it is drawn anew. */
const CHANGED = /^Rivulet: This page was changed before it was taken over, so it is drawn anew\./;
/** And what it says where the program was to blame. */
const STOPPED = /^Rivulet: The program of this page has stopped, so it is drawn anew\./;
const PROGRAM = "**/pkg/**/rivulet.js";

/** A proxy between the server and the browser. */
async function proxy(page: Page, change: (html: string) => string): Promise<void> {
  await page.route("**/*", async (route) => {
    if (route.request().resourceType() !== "document") return route.fallback();
    const response = await route.fetch();
    await route.fulfill({ response, body: change(await response.text()) });
  });
}

/** An extension that changes the page as soon as it is parsed. */
async function extension(page: Page, change: () => void): Promise<void> {
  await page.addInitScript(`document.addEventListener("DOMContentLoaded", ${change})`);
}

/** A message is sent with Enter, and its reply is read while it is written. */
async function talks(chat: Chat, words: string, script: Script = { pieces: 20, gap_ms: 20 }): Promise<void> {
  await chat.say(ask(words, script));
  await expect(chat.said.last()).toContainText(words);
  await chat.shows([...Array(20).keys()].map((index) => `t${index}`).join(" "));
  await chat.ended();
  await expect(chat.field).toHaveValue("");
}

const beside = () => {
  for (const field of document.querySelectorAll("textarea, input, select")) {
    field.before(document.createElement("span"));
    field.after(document.createElement("div"));
  }
};

const translated = () => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts.filter((it) => it.data.trim() && !it.parentElement?.closest("script, textarea, noscript"))) {
    const font = document.createElement("font");
    text.replaceWith(font);
    font.append(text);
  }
};

const withoutElements = () => {
  for (const gone of document.querySelectorAll(".composer__hint, label, h1")) gone.remove();
};

for (const [name, change] of [
  ["elements beside every field", beside],
  ["every text in an element of a translator's", translated],
  ["elements taken out", withoutElements],
] as const) {
  test(`z01 a page works with ${name}`, async ({ chat, noise, page }) => {
    noise.expect(CHANGED);
    await extension(page, change);
    await chat.open();
    await talks(chat, "Begun here");
    await chat.reload();
    await talks(chat, "Gone on with");
    await expect(chat.said).toHaveCount(2);
    await expect(chat.replied).toHaveCount(2);
    await expect(chat.titles.first()).toHaveText("Begun here");
  });
}

const ADDRESS = "ann@a.example";
/** What Cloudflare makes of an address. */
const HIDDEN = '<a href="/cdn-cgi/l/email-protection" class="__cf_email__" data-cfemail="00">[email&#160;protected]</a>';

for (const [name, change] of [
  ["an address rewritten in a message and in titles", (html: string) => html.replace(/(?<=>[^<>]*)ann@a\.example(?=[^<>]*<(?!\/(?:title|script|textarea)>))/g, HIDDEN)],
  ["its comments stripped", (html: string) => html.replace(/<!(?!DOCTYPE)[^>]*>/gi, "")],
  ["its data stripped", (html: string) => html.replace(/<script nonce[^>]*>__RESOLVED_RESOURCES.*?<\/script>/gs, "").replace("<main", "<i></i><main")],
] as const) {
  test(`z01 a page works with ${name}`, async ({ chat, noise, page }) => {
    noise.expect(CHANGED);
    await proxy(page, change);
    await chat.open();
    await talks(chat, `${ADDRESS} is my address`);
    await chat.reload();
    await expect(chat.said).toContainText(ADDRESS);
    await expect(chat.titles.first()).toContainText(ADDRESS);
    await expect(chat.heading).toContainText(ADDRESS);
    await talks(chat, "Write to me there");
    await expect(chat.said).toHaveCount(2);
    await page.goto("/");
    await chat.awake();
    await talks(chat, "Elsewhere");
  });
}

test("z01 attributes, texts in pieces and elements beside the app change nothing", async ({ chat, page }) => {
  await extension(page, () => {
    for (const element of document.querySelectorAll("*")) element.setAttribute("data-foreign", "");
    document.body.prepend(document.createElement("div"));
    document.body.append(document.createElement("div"));
    const walker = document.createTreeWalker(document.querySelector("#app")!, NodeFilter.SHOW_TEXT);
    const texts: Text[] = [];
    while (walker.nextNode()) texts.push(walker.currentNode as Text);
    for (const text of texts) if (1 < text.length) text.splitText(1);
    Object.assign(window, { before: document.querySelector("#composer") });
  });
  await chat.open();
  await talks(chat, "As it was sent");
  await chat.reload();
  // Taken over, not drawn anew: the console is silent, and the nodes are the server's.
  expect(await page.evaluate(() => (window as Window & { before?: Node }).before === document.querySelector("#composer"))).toBe(true);
  await talks(chat, "Once more");
});

test("z01 what was typed, picked and looked at before the page is drawn anew stays", async ({ chat, noise, page, upstream }) => {
  noise.expect(CHANGED);
  await extension(page, beside);
  let arrive = () => {};
  const held = new Promise<void>((resolve) => (arrive = resolve));
  await page.route(PROGRAM, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto("/", { waitUntil: "commit" });
  await page.getByText("Instructions").click();
  await page.locator("#system").fill("Answer briefly.");
  await chat.model.selectOption({ label: "gpt-test" });
  await chat.field.fill("Hello, there");
  await chat.field.evaluate((field: HTMLTextAreaElement) => field.setSelectionRange(5, 5));
  arrive();
  await chat.awake();
  await expect(chat.field).toBeFocused();
  await page.keyboard.type(" you");
  await expect(chat.field).toHaveValue("Hello you, there");
  await expect(page.locator("#system")).toHaveValue("Answer briefly.");
  await expect(page.locator("#system")).toBeVisible();
  await upstream.next({ text: "Briefly." });
  await chat.field.press("Enter");
  await chat.shows("Briefly.");
  const asked = await upstream.asked("Hello you");
  expect(asked?.body.model).toBe("gpt-test");
});

test("z01 elements that come and go beside the fields of a living page do it no harm", async ({ chat, page }) => {
  await page.addInitScript(() => {
    let foreign: Element[] = [];
    setInterval(() => {
      if (!document.querySelector("[data-awake]")) return;
      for (const element of foreign) element.remove();
      foreign = [];
      for (const field of document.querySelectorAll("textarea, input, select, button, .message, .block")) {
        for (const where of ["beforebegin", "afterend"] as const) {
          const element = document.createElement("div");
          field.insertAdjacentElement(where, element);
          foreign.push(element);
        }
      }
    }, 40);
  });
  await chat.open();
  await talks(chat, "Among strangers");
  await talks(chat, "And again");
  await chat.sidebar.getByRole("link", { name: "New conversation" }).click();
  await talks(chat, "And elsewhere");
});

/** The program with exports that stop as a panic does. */
async function stopping(page: Page, names: string[]): Promise<void> {
  await page.route(PROGRAM, async (route) => {
    const response = await route.fetch();
    let body = await response.text();
    for (const name of names) {
      // Minified or not.
      const found = new RegExp(`export function ${name}\\(\\) ?{`).exec(body);
      if (!found) throw new Error(`the program has no function ${name}`);
      body = body.replace(found[0], `${found[0]} throw new WebAssembly.RuntimeError("unreachable");`);
    }
    // Not kept: the program that is loaded without this route is the real one.
    await route.fulfill({ response, body, headers: { ...response.headers(), "cache-control": "no-store" } });
  });
}

test("z01 a program that stops while it takes over draws the page by itself", async ({ chat, noise, page }) => {
  noise.expect(STOPPED);
  await stopping(page, ["hydrate"]);
  await page.goto("/", { waitUntil: "commit" });
  await chat.awake();
  await talks(chat, "By itself");
});

test("z01 a program that stops twice is done without", async ({ chat, noise, page }) => {
  noise.expect(STOPPED);
  noise.expect(/^Rivulet: The program of this page has stopped twice\./);
  // Chromium's own: the program is not fetched the third time.
  noise.expect(/was preloaded using link preload/);
  await stopping(page, ["hydrate", "draw"]);
  await page.goto("/", { waitUntil: "commit" });
  await expect(page.getByRole("alert").filter({ hasText: "stopped twice" })).toBeVisible();
  await chat.field.fill(ask("Without it", { pieces: 20, gap_ms: 150 }));
  await chat.send.click();
  await expect(chat.said).toContainText("Without it");
  await chat.shows([...Array(20).keys()].map((index) => `t${index}`).join(" "));
  await page.unroute(PROGRAM);
  await page.getByRole("link", { name: "Try again" }).click();
  await chat.awake();
  await talks(chat, "With it");
});
