// Pages of the server's in dialogs over the conversation: sharing, the archive.

import { Looks } from "./a11y";
import { expect, test } from "./helpers";

test("point 5: a conversation is shared in a dialog over it, the public link first, and the link is copied", async ({ chat, context, page, upstream }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await upstream.next({ text: "Shared." });
  await chat.open();
  await chat.say("Share this");
  await chat.ended();
  const here = page.url();
  const share = page.getByRole("link", { name: "Share", exact: true });
  await share.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Sharing" });
  await expect(dialog.getByRole("heading", { level: 2 }).first()).toHaveText("Public link");
  const looks = new Looks(page);
  await looks.at("sharing");
  expect(looks.faults()).toEqual([]);
  await dialog.getByRole("button", { name: "Make a public link" }).click();
  await dialog.getByRole("button", { name: "Copy", exact: true }).click();
  await expect(dialog.getByRole("button", { name: "Copied" })).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(new URL(link).pathname).toMatch(/^\/p\//);
  await dialog.getByRole("button", { name: "Withdraw the public link" }).click();
  await expect(dialog.getByRole("button", { name: "Make a public link" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(share).toBeFocused();
  expect(page.url()).toBe(here);
  await chat.shows("Shared.");
});
