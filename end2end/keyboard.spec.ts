// All of it by keyboard alone: an hour with the page in one test, in which no pointer is ever pressed.

import type { Locator, Page } from "@playwright/test";
import { ask, expect, test } from "./helpers";

/** More than there is to step to on any page of this test. */
const MOST_STEPS = 120;

/** Steps with Tab until this has the focus. */
async function reach(page: Page, wanted: Locator): Promise<void> {
  await expect(wanted).toBeVisible();
  const isThere = () => wanted.evaluate((it) => it === document.activeElement || it.contains(document.activeElement));
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    if (await isThere()) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the focus never comes to ${wanted}`);
}

async function press(page: Page, wanted: Locator): Promise<void> {
  await reach(page, wanted);
  await page.keyboard.press("Enter");
}

test("accept 1: writing, reading, choosing, sharing, settings and the list, by keyboard alone", async ({ chat, context, page, upstream }) => {
  test.setTimeout(180_000);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  let pointers = 0;
  await page.exposeFunction("pointed", () => pointers++);
  await page.addInitScript(() => addEventListener("pointerdown", () => (window as unknown as { pointed: () => void }).pointed(), true));
  const keys = page.keyboard;
  const button = (name: string | RegExp) => page.getByRole("button", { name, exact: true });

  // A first message, and what its reply can be asked.
  await chat.open();
  await expect(chat.field).toBeFocused();
  await upstream.next({ text: "First answer." });
  await keys.type("Where do rivers begin?");
  await keys.press("Enter");
  await chat.shows("First answer.");
  await press(page, chat.replied.last().getByRole("button", { name: "Copy", exact: true }));
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain("First answer.");
  await upstream.next({ text: "Second answer." });
  await press(page, chat.replied.last().getByRole("button", { name: "Retry", exact: true }));
  await chat.shows("Second answer.");
  await press(page, page.getByRole("button", { name: /^Former/ }));
  await chat.shows("First answer.");

  // The last message is changed; a letter typed anywhere goes to the field.
  await keys.type("x");
  await expect(chat.field).toBeFocused();
  await keys.press("Backspace");
  await keys.press("ArrowUp");
  await expect(page.getByRole("textbox", { name: "What you say instead" })).toBeFocused();
  await upstream.next({ text: "Third answer." });
  await keys.press("ControlOrMeta+a");
  await keys.type("Where do they end?");
  await keys.press("Enter");
  await chat.shows("Third answer.");

  // A reply that is stopped, and a message that waits for another.
  await reach(page, chat.field);
  await keys.insertText(ask("Long", { silence_after: 3, times: 1 }));
  await keys.press("Enter");
  await chat.shows("t0 t1 t2");
  await keys.type("Later");
  await keys.press("Alt+Enter");
  await expect(page.getByText("Sent when the reply is done", { exact: true })).toBeVisible();
  await press(page, button("Take back"));
  await expect(page.getByRole("list", { name: "Waiting messages" })).toBeHidden();
  await keys.press("Escape");
  await expect(chat.ending(/Stopped/)).toBeVisible();

  // Another model, by a word.
  await reach(page, chat.model);
  await keys.press("Space");
  await keys.type("gpt");
  await expect(page.getByPlaceholder("Filter")).toHaveValue("gpt");
  await keys.press("Enter");
  await expect(chat.model).toHaveValue(/gpt-test/);

  // Instructions of the conversation.
  await press(page, page.locator(".instructions > summary"));
  await reach(page, page.getByRole("textbox", { name: /What the model should know/ }));
  await keys.type("Answer briefly.");
  await press(page, button("Save"));
  await expect(page.getByText("(in use)")).toBeAttached();

  // Search and commands; the keys.
  await keys.press("ControlOrMeta+k");
  await keys.type("rivers");
  await expect(page.getByRole("option").locator("mark").first()).toBeVisible();
  await keys.press("Escape");
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await keys.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await keys.press("Escape");

  // A public link is made, copied and withdrawn.
  await press(page, page.getByRole("link", { name: "Share", exact: true }));
  const sharing = page.getByRole("dialog", { name: "Sharing" });
  await press(page, sharing.getByRole("button", { name: "Make a public link" }));
  await press(page, sharing.getByRole("button", { name: "Copy", exact: true }));
  await expect(sharing.getByRole("button", { name: "Copied" })).toBeVisible();
  await press(page, sharing.getByRole("button", { name: "Withdraw the public link" }));
  await expect(sharing.getByRole("button", { name: "Make a public link" })).toBeVisible();
  await keys.press("Escape");

  // Settings.
  await press(page, page.getByRole("link", { name: "Settings", exact: true }));
  const settings = page.getByRole("dialog", { name: "Settings" });
  await reach(page, settings.getByLabel("Theme"));
  await keys.type("Dark");
  await press(page, settings.getByRole("button", { name: "Save" }));
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await keys.press("Escape");
  await expect(settings).toBeHidden();

  // The list: rename, pin, delete and bring back; a new conversation.
  const more = chat.sidebar.getByRole("button", { name: "Options for" });
  const openMenu = async () => {
    await press(page, more);
    await expect(page.getByRole("menuitem").first()).toBeFocused();
  };
  await openMenu();
  await keys.type("r");
  await keys.press("Enter");
  await expect(page.getByRole("textbox", { name: "Title" })).toBeFocused();
  await keys.type("Rivers");
  await keys.press("Enter");
  await expect(chat.titles).toHaveText(["Rivers"]);
  await openMenu();
  await keys.type("p");
  await keys.press("Enter");
  await expect(chat.sidebar.getByRole("heading").first()).toHaveText("Pinned");
  await openMenu();
  await keys.press("End");
  await keys.press("Enter");
  await expect(chat.titles).toHaveCount(0);
  await press(page, button("Undo"));
  await expect(chat.titles).toHaveText(["Rivers"]);
  await press(page, chat.titles.first());
  await chat.showsSome();
  await press(page, chat.sidebar.getByRole("link", { name: "New conversation" }));
  await expect(chat.heading).toHaveText("Where shall we begin?");
  expect(pointers, "no pointer was ever pressed").toBe(0);
});
