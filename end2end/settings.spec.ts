// The settings of a browser, in a sheet over the conversation.

import { Looks } from "./a11y";
import { expect, test } from "./helpers";

test("point 7: theme, size of text and the key that sends are chosen in a sheet, at once and for every page", async ({ chat, page, upstream }) => {
  await upstream.next({ text: "Sent." });
  await chat.open();
  const link = page.getByRole("link", { name: "Settings", exact: true });
  await link.focus();
  await page.keyboard.press("Enter");
  const sheet = page.getByRole("dialog", { name: "Settings" });
  await expect(sheet.getByLabel("Theme")).toHaveValue("auto");
  const looks = new Looks(page);
  await looks.at("settings");
  expect(looks.faults()).toEqual([]);
  await sheet.getByLabel("Theme").selectOption("dark");
  await sheet.getByLabel("Size of text").selectOption("large");
  await sheet.getByLabel("Key that sends").selectOption("ctrl");
  const size = () => page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).fontSize));
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  const before = await size();
  await sheet.getByRole("button", { name: "Save" }).click();
  await expect.poll(scheme).toBe("dark");
  expect(await size()).toBeCloseTo(before * 1.125, 1);
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
  await expect(link).toBeFocused();

  await chat.field.fill("One line");
  await chat.field.press("Enter");
  await expect(chat.field).toHaveValue("One line\n");
  await chat.field.press("Control+Enter");
  await chat.shows("Sent.");

  await page.reload();
  await chat.awake();
  expect(await scheme()).toBe("dark");
  await page.goto("/search");
  expect(await scheme()).toBe("dark");
});
