// The list as it lives: what runs in it and what was not seen, what is pinned or put away, how it is folded, moved in, and read to
// its end.

import { type APIRequestContext, expect } from "@playwright/test";
import { Looks } from "./a11y";
import { Chat, ask, providers, test } from "./helpers";

/** The browser reports a task of the page's thread that is longer. */
const LONG_MS = 50;
const MANY = 2_000;
/** Requests that a browser has open at one time, and some. */
const AT_ONCE = 20;

async function make(request: APIRequestContext, url: string, count: number): Promise<void> {
  for (let made = 0; made < count; made += AT_ONCE) {
    const titles = Array.from({ length: Math.min(AT_ONCE, count - made) }, (_, index) => `Conversation ${made + index}`);
    await Promise.all(titles.map((title) => request.post(`${url}/api/v1/conversations`, { data: { title } })));
  }
}

async function choose(chat: Chat, title: string, item: string): Promise<void> {
  const row = chat.sidebar.getByRole("listitem").filter({ hasText: title });
  await row.hover();
  await row.getByRole("button", { name: "Options for" }).click();
  await chat.page.getByRole("menuitem", { name: item, exact: true }).click();
}

test("point 1: a row says in every tab that a reply is being written, that it has ended unseen, and no more once it was seen", async ({ chat, page, upstream }) => {
  await chat.open();
  const other = await page.context().newPage();
  const there = new Chat(other);
  await there.open();
  await page.bringToFront();
  await chat.say(ask("Slow", { pieces: 40, gap_ms: 100, times: 1 }));
  await chat.showsSome();
  const runs = /a reply is being written/;
  await expect(there.titles).toHaveText([runs]);
  await page.getByRole("link", { name: "New conversation" }).click();
  await expect(chat.titles).toHaveText([runs]);
  const fresh = /a new reply/;
  await expect(chat.titles).toHaveText([fresh]);
  await expect(there.titles).toHaveText([fresh]);
  await expect(page).toHaveTitle("(1) Rivulet");
  // The server draws it, too.
  await chat.reload();
  await expect(chat.titles).toHaveText([fresh]);
  const looks = new Looks(page);
  await looks.at("unread");
  expect(looks.faults()).toEqual([]);

  await other.bringToFront();
  await there.titles.click();
  await there.ended();
  await expect(there.titles).toHaveText(["Slow"]);
  await expect(chat.titles).toHaveText(["Slow"]);
  await expect(page).toHaveTitle("Rivulet");
  // A reply that ends where it is looked at is never unread.
  await upstream.next({ text: "Seen." });
  await there.say("Again");
  await there.shows("Seen.");
  await expect(there.titles).toHaveText(["Slow"]);
  await expect(chat.titles).toHaveText(["Slow"]);
  await other.close();
});

test("point 8: a conversation is pinned and put away for good, in every tab, and put back", async ({ chat, page, server }) => {
  await chat.open();
  await make(page.request, server.url, 3);
  await chat.reload();
  await expect(chat.titles).toHaveCount(3);
  const other = await page.context().newPage();
  const there = new Chat(other);
  await there.open();
  await page.bringToFront();
  const oldest = (await chat.titles.last().textContent()) ?? "";
  await choose(chat, oldest, "Pin");
  for (const it of [chat, there]) {
    await expect(it.titles.first()).toHaveText(oldest);
    await expect(it.sidebar.getByRole("heading").first()).toHaveText("Pinned");
  }
  await expect(chat.titles.first()).toBeFocused();
  await choose(chat, oldest, "Unpin");
  await expect(there.titles.last()).toHaveText(oldest);
  await choose(chat, oldest, "Put away");
  for (const it of [chat, there]) await expect(it.titles).toHaveCount(2);
  await page.getByRole("button", { name: "Undo" }).click();
  for (const it of [chat, there]) await expect(it.titles).toHaveCount(3);
  await choose(chat, oldest, "Put away");
  await expect(chat.titles).toHaveCount(2);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search" }).fill("archive");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Archive" })).toBeVisible();
  await page.getByRole("link", { name: "Manage" }).click();
  await page.getByRole("button", { name: "Put back" }).click();
  await expect(there.titles).toHaveCount(3);
  await other.close();
});

test("point 1: on the desktop the list is folded away, also after a reload, and put back", async ({ chat, page }) => {
  await chat.open();
  const opener = page.getByRole("button", { name: "Conversations" });
  await expect(opener).toBeHidden();
  await page.getByRole("button", { name: "Fold the list away" }).click();
  await expect(chat.sidebar).toBeHidden();
  await expect(opener).toBeFocused();
  await chat.reload();
  await expect(chat.sidebar).toBeHidden();
  await opener.click();
  await expect(chat.sidebar).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(chat.sidebar).toBeHidden();
  const looks = new Looks(page);
  await looks.at("folded");
  expect(looks.faults()).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 800 });
  await opener.click();
  await page.getByRole("button", { name: "Keep the list beside the page" }).click();
  await expect(chat.sidebar).toBeVisible();
  await expect(opener).toBeHidden();
  await chat.reload();
  await expect(chat.sidebar).toBeVisible();
});

test("point 1: the arrow keys, Home and End move in the list", async ({ chat, page, server }) => {
  await chat.open();
  await make(page.request, server.url, 4);
  await chat.reload();
  await chat.titles.first().focus();
  await page.keyboard.press("ArrowDown");
  await expect(chat.titles.nth(1)).toBeFocused();
  await page.keyboard.press("End");
  await expect(chat.titles.last()).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(chat.titles.last()).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(chat.titles.nth(2)).toBeFocused();
  await page.keyboard.press("Home");
  await expect(chat.titles.first()).toBeFocused();
  const href = await chat.titles.first().getAttribute("href");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`${href}$`));
});

test("point 1: two thousand conversations are scrolled from end to end without a long task", async ({ chat, page, serve, upstream }) => {
  test.setTimeout(120_000);
  const server = await serve({ ...providers(upstream), RIVULET_WRITES_PER_MINUTE: "60000" });
  await chat.open(server.url);
  await make(page.request, server.url, MANY);
  await page.evaluate(() => {
    const tasks: number[] = [];
    Object.assign(window, { tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => Math.round(duration)))).observe({ entryTypes: ["longtask"] });
  });
  const list = page.locator("#list");
  await expect
    .poll(
      async () => {
        await list.evaluate((list) => list.scrollTo(0, list.scrollHeight));
        return chat.titles.count();
      },
      { timeout: 90_000, intervals: [50] },
    )
    .toBe(MANY);
  const tasks = await page.evaluate(() => (window as unknown as { tasks: number[] }).tasks);
  console.log(`Tasks over ${LONG_MS} ms: ${JSON.stringify(tasks)}`);
  expect(tasks).toEqual([]);
});
