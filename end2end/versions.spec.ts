// Editing, retrying, and switching between the versions.

import { type Page } from "@playwright/test";
import { Chat, ask, expect, test } from "./helpers";

const editor = (page: Page) => page.getByRole("textbox", { name: "What you say instead" });
const versions = (chat: Chat) => chat.replied.last().locator(".versions");

test("a question can be changed, and both ways are kept, in every tab and over a reload", async ({ browse, chat, page }) => {
  await chat.open();
  await chat.say(ask("First", { text: "one" }));
  await chat.shows("one");
  await chat.ended();
  await chat.say(ask("Second", { text: "two" }));
  await chat.shows("two");
  await chat.ended();
  const second = await browse({ storageState: await page.context().storageState() });
  const other = new Chat(await second.newPage());
  await other.open(page.url());

  await chat.said.first().hover();
  await chat.said.first().getByRole("button", { name: "Edit" }).click();
  await expect(editor(page)).toBeFocused();
  await expect(editor(page)).toHaveValue(ask("First", { text: "one" }));
  await editor(page).fill(ask("Otherwise", { text: "uno" }));
  await editor(page).press("Enter");
  for (const each of [chat, other]) {
    await each.shows("uno");
    await expect(each.said).toHaveCount(1);
    await expect(each.said.locator(".versions")).toHaveText("‹2 of 2›");
  }
  await chat.ended();
  const former = chat.said.getByRole("button", { name: "Former version" });
  const next = page.getByRole("button", { name: "Next version" });
  await former.click();
  for (const each of [chat, other]) {
    await each.shows("two");
    await expect(each.said.first().locator(".versions")).toHaveText("‹1 of 2›");
  }
  await expect(former).toBeDisabled();
  await expect(next).toBeFocused(); // The focus stays for keyboard users.
  await chat.reload();
  await chat.shows("two");
  await next.press("Enter");
  await chat.shows("uno");
});

test("a reply that was tried again can be had back", async ({ chat, page, upstream }) => {
  await chat.open();
  await chat.say(ask("Once", { pieces: 3 }));
  await chat.shows("t0 t1 t2");
  await chat.ended();
  await expect(versions(chat)).toHaveCount(0);
  await upstream.next({ text: "Better." });
  await chat.say("Something without a script");
  await chat.shows("Better.");
  await chat.ended();
  await upstream.next({ text: "Best." });
  await page.getByRole("button", { name: "Retry" }).click();
  await chat.shows("Best.");
  await expect(versions(chat)).toHaveText("‹2 of 2›");
  await chat.ended();
  await versions(chat).getByRole("button", { name: "Former version" }).click();
  await chat.shows("Better.");
  await expect(versions(chat)).toHaveText("‹1 of 2›");
  // What is said now answers the reply that is shown.
  await upstream.next({ text: "Go on." });
  await chat.say("And then?");
  await chat.shows("Go on.");
  const seen = await upstream.seen();
  const messages = seen.at(-1)?.body.messages as { content: string }[];
  expect(messages.map(({ content }) => content).slice(-3)).toEqual(["Something without a script", "Better.", "And then?"]);
});

test("Escape leaves the editor, and nothing is sent or stopped", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("Long", { silence_after: 3 }));
  await chat.shows("t0 t1 t2");
  const edit = chat.said.getByRole("button", { name: "Edit" });
  await edit.focus();
  await edit.press("Enter");
  await editor(page).fill("Never mind");
  await editor(page).press("Escape");
  await expect(editor(page)).toHaveCount(0);
  await expect(edit).toBeFocused();
  await expect(chat.stop).toBeVisible();
  await expect(chat.said.locator(".said")).toContainText("Long");
  await chat.stop.click();
  await chat.ended();
});

test("versions are turned without a script, too", async ({ browse, chat, page }) => {
  await chat.open();
  await chat.say(ask("Twice", { text: "same" }));
  await chat.ended();
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(versions(chat)).toHaveText("‹2 of 2›");
  await chat.ended();
  const context = await browse({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const plain = new Chat(await context.newPage());
  await plain.page.goto(page.url());
  await plain.page.getByRole("button", { name: "Former version" }).click();
  await expect(versions(plain)).toHaveText("‹1 of 2›");
  await expect(versions(chat)).toHaveText("‹1 of 2›");
});
