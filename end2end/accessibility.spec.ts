// For everybody: with a screen reader, a keyboard, a phone, by day and by night.

import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { Chat, ask, expect, test } from "./helpers";

/** The next Tab leads to the first thing on the page: the message field has the focus at first. */
async function fromTheTop(page: Page): Promise<void> {
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
  });
}

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };

/** A conversation with everything that a conversation can hold. */
async function fill(chat: Chat): Promise<void> {
  await chat.open();
  await chat.say(ask("Everything", { markdown: true, thinking: 3 }));
  await chat.ended();
  await expect(chat.prose.last().locator("code span").first()).toBeAttached();
  await chat.say(ask("Fail", { error_after: 3 }));
  await expect(chat.ending(/overloaded/)).toBeVisible();
  await chat.say(ask("Stop", { silence_after: 3 }));
  await chat.shows("t0 t1 t2");
  await chat.stop.click();
  await expect(chat.ending(/Stopped/)).toBeVisible();
}

async function faults(page: Page, where: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${where}: ${id}: ${html}: ${failureSummary}`));
}

test("axe finds nothing on any page, by day and by night, on a phone and on a desktop", async ({ chat, noise, page }) => {
  test.setTimeout(120_000);
  noise.expect(/Failed to load resource: the server responded with a status of 404/);
  await fill(chat);
  const conversation = page.url();
  const found: string[] = [];
  for (const size of [PHONE, DESKTOP]) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const look = async (name: string) => found.push(...(await faults(page, `${name}, ${colorScheme}, ${size.width} px`)));
      await chat.open("/");
      await look("start page");
      await chat.open(conversation);
      await look("conversation");
      await page.getByText(/^Instructions/).click();
      await look("instructions");
      await page.getByText("Advanced", { exact: true }).click();
      await look("advanced settings");
      await page.keyboard.press("Escape");
      if (size === PHONE) {
        await page.getByRole("button", { name: "Conversations" }).click();
        await look("list");
      }
      await page.goto("/nowhere");
      await expect(chat.heading).toBeVisible();
      await look("404");
      await page.goto("/c/00000000-0000-7000-8000-000000000000");
      await expect(chat.heading).toBeVisible();
      await look("no conversation");
    }
  }
  expect([...new Set(found)]).toEqual([]);
});

test("pages that are not there say so, with a way out", async ({ chat, noise, page }) => {
  noise.expect(/Failed to load resource: the server responded with a status of 404/);
  for (const address of ["/nowhere", "/c/00000000-0000-7000-8000-000000000000", "/c/nonsense"]) {
    expect((await page.goto(address))?.status()).toBe(404);
    await expect(chat.heading).toHaveText("Nothing here");
    await page.getByRole("link", { name: "Start a new conversation" }).click();
    await expect(chat.heading).toHaveText("Where shall we begin?");
  }
});

test("the Tab key leads to everything on the start page, in the order in which one reads", async ({ chat, page }) => {
  await chat.open();
  const names: string[] = [];
  await fromTheTop(page);
  while (names.length < 30 && !names.some((name) => name.startsWith("Explain"))) {
    await page.keyboard.press("Tab");
    names.push(
      await page.evaluate(() => {
        const here = document.activeElement;
        const label = (here as HTMLInputElement | null)?.labels?.[0]?.textContent;
        return (here?.getAttribute("aria-label") ?? label ?? here?.textContent ?? "").trim();
      }),
    );
  }
  const wanted = ["Skip to the message field", "New conversation", "Search", "Instructions", "Your message", "Model", "Send", "Explain how rivers shape a landscape, in five sentences."];
  expect(names.filter((name) => wanted.some((it) => name.startsWith(it)))).toHaveLength(wanted.length);
  expect(wanted.map((it) => names.findIndex((name) => name.startsWith(it)))).toEqual(
    wanted.map((it) => names.findIndex((name) => name.startsWith(it))).sort((one, other) => one - other),
  );
});

test("a conversation can be held with the keyboard alone", async ({ chat, page, upstream }) => {
  await chat.open();
  await fromTheTop(page);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(chat.field).toBeFocused();
  await upstream.next({ text: "By keys." });
  await page.keyboard.type("By keys?");
  await page.keyboard.press("Enter");
  await chat.shows("By keys.");
  await expect(chat.field).toBeFocused();
  await expect(chat.status).toHaveText("Reply finished.");
});

test("on a phone the list opens over the page, takes the focus along, and Escape closes only it", async ({ chat, page }) => {
  await page.setViewportSize(PHONE);
  await chat.open();
  await chat.say(ask("On the phone", { silence_after: 3 }));
  await chat.shows("t0 t1 t2");
  const opener = page.getByRole("button", { name: "Conversations" });
  await expect(chat.sidebar).toBeHidden();
  await opener.focus();
  await page.keyboard.press("Enter");
  await expect(chat.sidebar).toBeVisible();
  await page.keyboard.press("Tab");
  expect(await chat.sidebar.evaluate((list) => list.contains(document.activeElement))).toBe(true);
  await page.keyboard.press("Escape");
  await expect(chat.sidebar).toBeHidden();
  await expect(opener).toBeFocused();
  await expect(chat.stop).toBeVisible();

  await opener.click();
  await chat.sidebar.getByRole("button", { name: "Close the list" }).click();
  await expect(chat.sidebar).toBeHidden();
  await opener.click();
  await chat.sidebar.getByRole("link", { name: "New conversation" }).click();
  await expect(chat.sidebar).toBeHidden();
  await expect(chat.heading).toHaveText("Where shall we begin?");
  await opener.click();
  await chat.titles.click();
  await expect(chat.sidebar).toBeHidden();
  await chat.shows("t0 t1 t2");
});

test("nothing scrolls sideways at 320 pixels", async ({ chat, page }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  await chat.open();
  expect(await width()).toBe(320);
  await fill(chat);
  expect(await width()).toBe(320);
  await chat.say(ask(`Long${"word".repeat(50)}`, { text: `A${"very".repeat(60)}longword and https://example.com/${"path/".repeat(40)}` }));
  await expect(chat.prose.last()).toContainText("longword");
  expect(await width()).toBe(320);
  await page.getByText(/^Instructions/).click();
  await expect(page.getByRole("button", { name: "Save" })).toBeInViewport();
  expect(await width()).toBe(320);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Conversations" }).click();
  await expect(chat.sidebar).toBeInViewport();
  expect(await width()).toBe(320);
});
