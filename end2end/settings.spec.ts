// The settings of an account, in a sheet over the conversation, and what else is one's own: favourites, copies.

import { Looks } from "./a11y";
import { Chat, ask, expect, test } from "./helpers";

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

test("settings are the account's: another browser follows at once, and its pages have them from the start", async ({ chat, page, browse }) => {
  await chat.open();
  const other = await browse({ storageState: await page.context().storageState() });
  const second = new Chat(await other.newPage());
  await second.open();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search" }).fill("dark");
  await page.keyboard.press("Enter");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(second.page.locator("html")).toHaveAttribute("data-theme", "dark");
  // The server draws it so, without a cookie that says it.
  const answer = await other.request.get("/search");
  expect(await answer.text()).toContain('data-theme="dark"');
  await other.close();
});

test("own instructions are sent with every conversation, and kept", async ({ chat, page, upstream }) => {
  await chat.open();
  const link = page.getByRole("link", { name: "Settings", exact: true });
  await link.click();
  const sheet = page.getByRole("dialog", { name: "Settings" });
  await sheet.getByLabel("Your instructions for all conversations").fill("Answer like a ferryman.");
  await sheet.getByRole("button", { name: "Save" }).click();
  await expect(sheet.getByLabel("Your instructions for all conversations")).toHaveValue("Answer like a ferryman.");
  await page.keyboard.press("Escape");
  await chat.say(ask("How deep is it?", { text: "Deep." }));
  await chat.shows("Deep.");
  expect(JSON.stringify(await upstream.asked("How deep is it?"))).toContain("Answer like a ferryman.");
});

test("only the end of a reply is announced where the account wants that", async ({ chat, page }) => {
  await chat.open();
  await page.request.patch("/api/v1/settings", { data: { announced: "end" } });
  const line = page.locator(".stream-line__words");
  await expect(line).not.toHaveAttribute("role", "status");
  await chat.say(ask("Short", { text: "Done." }));
  await expect(page.getByRole("status").filter({ hasText: "Reply finished." })).toBeAttached();
});

test("a model that is a favourite is offered first, in every tab", async ({ chat, page, browse }) => {
  await chat.open();
  const other = await browse({ storageState: await page.context().storageState() });
  const second = new Chat(await other.newPage());
  await second.open();
  await chat.model.click();
  const field = page.getByRole("combobox", { name: "Model", expanded: true });
  await field.fill("gpt-test");
  await page.keyboard.press("Alt+Enter");
  const favourites = page.getByRole("group", { name: "Favourites" });
  await expect(favourites.getByRole("option")).toHaveText(/gpt-test/);
  await second.model.click();
  await expect(second.page.locator(".listbox").getByRole("group").first()).toHaveAttribute("aria-label", "Favourites");
  await other.close();
});

test("a conversation goes on in a copy, from the row's menu and from a reply", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("First", { text: "One." }));
  await chat.ended();
  const here = page.url();
  await chat.sidebar.getByRole("button", { name: "Options for" }).first().click();
  await page.getByRole("menuitem", { name: "Copy into a new one" }).click();
  await expect(page).not.toHaveURL(here);
  await expect(page).toHaveURL(/\/c\//);
  await chat.shows("One.");
  await chat.say(ask("Second", { text: "Two." }));
  await chat.shows("Two.");
  const copy = page.url();
  await page.getByRole("button", { name: "Fork" }).first().click();
  await expect(page).not.toHaveURL(copy);
  await chat.awake();
  await expect(chat.replied).toHaveCount(1);
  await page.goto(here);
  await expect(chat.replied).toHaveCount(1);
});
