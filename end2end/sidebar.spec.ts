// The list of conversations: what stays while it scrolls, its days, its one menu, and deleting with a way back.

import { AxeBuilder } from "@axe-core/playwright";
import type { APIRequestContext, Page } from "@playwright/test";
import { Chat, ask, expect, test } from "./helpers";

const PHONE = { width: 390, height: 844 };

/** Makes conversations with these titles; the last is the newest. */
async function make(request: APIRequestContext, url: string, titles: string[]): Promise<void> {
  for (const title of titles) await request.post(`${url}/api/v1/conversations`, { data: { title } });
}

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `Conversation ${index}`);

async function openMenu(chat: Chat, title: string): Promise<void> {
  const row = chat.sidebar.getByRole("listitem").filter({ hasText: title });
  await row.hover();
  await row.getByRole("button", { name: "Options for" }).click();
  await expect(chat.page.getByRole("menu")).toBeVisible();
}

test("u02_only_the_list_scrolls_and_head_and_foot_stay", async ({ chat, page, server }) => {
  await chat.open();
  await make(page.request, server.url, many(60));
  await chat.reload();
  const list = page.locator("#list");
  await list.hover();
  await page.mouse.wheel(0, 1_000);
  await expect.poll(() => list.evaluate((list) => list.scrollTop)).toBeGreaterThan(300);
  await expect(chat.sidebar.getByRole("link", { name: "New conversation" })).toBeInViewport();
  await expect(chat.sidebar.getByText("Search")).toBeInViewport();
  const account = chat.sidebar.getByRole("link", { name: "Sign in" });
  await expect(account).toBeInViewport();
  const below = await page.evaluate(() => document.elementsFromPoint(100, innerHeight - 4).some((it) => it.closest(".entry")));
  expect(below, "no row shows below the account's line").toBe(false);
  // The rest is loaded when its end comes near.
  await list.evaluate((list) => list.scrollTo(0, list.scrollHeight));
  await expect(chat.titles).toHaveCount(60);
  expect(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight)).toBe(true);
});

test("point 1: conversations stand under their days", async ({ chat, page, server }) => {
  await chat.open();
  await make(page.request, server.url, ["One of today"]);
  await chat.reload();
  await expect(chat.sidebar.getByRole("heading", { name: "Today" })).toBeVisible();
  await page.clock.setFixedTime(Date.now() + 3 * 86_400_000);
  await chat.reload();
  await expect(chat.titles).toHaveText(["One of today"]);
});

test("u05_a_row_is_renamed_in_its_place_and_does_not_move", async ({ chat, page, server }) => {
  await chat.open();
  await make(page.request, server.url, ["The older one", "The newer one"]);
  await chat.reload();
  await openMenu(chat, "The older one");
  await page.getByRole("menuitem", { name: "Rename" }).click();
  const field = page.getByRole("textbox", { name: "Title" });
  await expect(field).toBeFocused();
  const [row, box] = [await chat.sidebar.getByRole("listitem").last().boundingBox(), await field.boundingBox()];
  expect(box?.width).toBe(row?.width);
  await field.fill("By another name");
  await field.press("Enter");
  await expect(chat.titles).toHaveText(["The newer one", "By another name"]);
  await expect(chat.titles.last()).toBeFocused();
  await openMenu(chat, "By another name");
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await field.fill("Not this");
  await field.press("Escape");
  await expect(field).toBeHidden();
  await expect(chat.titles).toHaveText(["The newer one", "By another name"]);
  await chat.reload();
  await expect(chat.titles).toHaveText(["The newer one", "By another name"]);
});

test("u05_what_is_deleted_comes_back_within_eight_seconds_also_where_it_was_open", async ({ chat, page, upstream }) => {
  await upstream.next({ text: "Worth keeping." });
  await chat.open();
  await chat.say("Keep this");
  await chat.shows("Worth keeping.");
  await chat.ended();
  const other = await page.context().newPage();
  await new Chat(other).open(page.url());
  await page.bringToFront();
  const here = page.url();
  await openMenu(chat, "Keep this");
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await expect(chat.titles).toHaveCount(0);
  await expect(chat.heading).toHaveText("Where shall we begin?");
  await expect(chat.field).toBeFocused();
  await expect(other.getByText("This conversation was deleted.")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page).toHaveURL(here);
  await chat.shows("Worth keeping.");
  await expect(chat.titles).toHaveText(["Keep this"]);
  await new Chat(other).shows("Worth keeping.");
  await other.close();
});

test("u05_what_is_not_brought_back_is_gone_after_the_server_s_time", async ({ chat, page, noise, server }) => {
  noise.expect(/404/);
  await chat.open();
  await make(page.request, server.url, ["Not needed"]);
  await chat.reload();
  await openMenu(chat, "Not needed");
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const undo = page.getByRole("button", { name: "Undo" });
  await expect(undo).toBeVisible();
  await expect(undo).toBeHidden({ timeout: 12_000 });
  await chat.reload();
  await expect(chat.titles).toHaveCount(0);
});

test("u03_the_menu_is_used_by_keys_alone_and_the_focus_returns", async ({ chat, page, server }) => {
  await chat.open();
  await make(page.request, server.url, ["By keys"]);
  await chat.reload();
  const opener = chat.sidebar.getByRole("button", { name: "Options for" });
  await opener.focus();
  await page.keyboard.press("Enter");
  const items = page.getByRole("menuitem");
  await expect(items.first()).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(items.last()).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(items.first()).toBeFocused();
  await page.keyboard.press("End");
  await expect(items.last()).toBeFocused();
  await page.keyboard.press("s");
  await expect(page.getByRole("menuitem", { name: "Share" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menu")).toBeHidden();
  await expect(opener).toBeFocused();
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  await page.keyboard.type("Typed");
  await page.keyboard.press("Enter");
  await expect(chat.titles).toHaveText(["Typed"]);
  await expect(chat.titles).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await expect(chat.titles).toHaveCount(0);
  await expect(chat.field).toBeFocused();
});

test("u03_the_focus_is_not_taken_from_where_the_user_went_meanwhile", async ({ chat, page, server }) => {
  await chat.open();
  await make(page.request, server.url, ["Slow"]);
  await chat.reload();
  let goOn = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  await page.route("**/chat/place*", async (route) => {
    await held;
    await route.continue();
  });
  await chat.sidebar.getByRole("button", { name: "Options for" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem").first()).toBeFocused();
  await page.keyboard.type("p");
  await page.keyboard.press("Enter");
  await chat.field.focus();
  goOn();
  await expect(chat.sidebar.getByRole("heading").first()).toHaveText("Pinned");
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  await expect(chat.field).toBeFocused();
});

test("u09_on_a_phone_back_closes_the_list", async ({ chat, page, server }) => {
  await page.setViewportSize(PHONE);
  await chat.open();
  await make(page.request, server.url, ["On the phone"]);
  await chat.reload();
  const opener = page.getByRole("button", { name: "Conversations" });
  await opener.click();
  await expect(chat.sidebar).toBeVisible();
  await page.goBack();
  await expect(chat.sidebar).toBeHidden();
  await expect(chat.heading).toHaveText("Where shall we begin?");
  await opener.click();
  await chat.titles.click();
  await expect(page).toHaveURL(/\/c\//);
  await expect(chat.sidebar).toBeHidden();
  await page.goBack();
  await expect(chat.heading).toHaveText("Where shall we begin?");
  await opener.click();
  await chat.sidebar.getByRole("button", { name: "Close the list" }).click();
  await expect(chat.sidebar).toBeHidden();
  await openMenuOnPhone(chat, opener);
});

async function openMenuOnPhone(chat: Chat, opener: ReturnType<Page["getByRole"]>): Promise<void> {
  await opener.click();
  await chat.sidebar.getByRole("button", { name: "Options for" }).click();
  await expect(chat.page.getByRole("menu")).toBeVisible();
  await chat.page.getByRole("menuitem", { name: "Rename" }).click();
  await expect(chat.sidebar, "the list stays open around its menu").toBeVisible();
  await expect(chat.page.getByRole("textbox", { name: "Title" })).toBeFocused();
}

test("u10_fifty_rows_are_small", async ({ chat, page, server }) => {
  await chat.open();
  await make(page.request, server.url, many(50));
  await chat.reload();
  await expect(chat.titles).toHaveCount(50);
  const elements = await page.evaluate(() => document.querySelectorAll("#app *").length);
  console.log(`50 rows: ${elements} elements on the page`);
  expect(elements).toBeLessThan(330);
  await expect(page.locator(".sidebar form, .sidebar input")).toHaveCount(0);
});

test("axe finds nothing in the list, its menu, the field for a title, the notice, the palette and the keys", async ({ chat, page, server }) => {
  test.setTimeout(120_000);
  await chat.open();
  await make(page.request, server.url, [...many(14), "A title that is much too long for the width that a row of the list has", "رحلة إلى الجبال"]);
  await chat.reload();
  const opener = page.getByRole("button", { name: "Conversations" });
  const isPhone = () => opener.isVisible();
  const found: string[] = [];
  const shot = async (name: string, open: () => Promise<void>): Promise<void> => {
    for (const size of [PHONE, { width: 1440, height: 900 }]) {
      await page.setViewportSize(size);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await chat.reload();
        if (await isPhone()) await opener.click();
        await open();
        const { violations } = await new AxeBuilder({ page }).analyze();
        found.push(...violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${name}, ${colorScheme}, ${size.width}: ${id}: ${html}`)));
        if (process.env.RIVULET_SHOTS) await page.screenshot({ path: `${process.env.RIVULET_SHOTS}/${name}-${size.width}-${colorScheme}.png` });
      }
    }
  };
  const menu = () => chat.sidebar.getByRole("button", { name: "Options for" }).first().click();
  await shot("list", async () => {});
  await shot("menu", menu);
  await shot("rename", async () => {
    await menu();
    await page.getByRole("menuitem", { name: "Rename" }).click();
  });
  await shot("palette", async () => {
    await page.keyboard.press("Control+k");
    await expect(page.getByRole("combobox", { name: "Search" })).toBeFocused();
    await page.keyboard.type("conv");
    await expect(page.getByRole("option").first()).toBeVisible();
  });
  await shot("keys", async () => {
    await page.keyboard.press("Escape");
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  });
  await shot("undo", async () => {
    await menu();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await expect(page.getByRole("button", { name: "Undo" })).toBeVisible();
  });
  expect([...new Set(found)]).toEqual([]);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("u10_a_row_leads_to_a_page_that_renames_exports_and_deletes", async ({ chat, page }) => {
    await page.goto("/");
    await chat.field.fill(ask("A poor name", { pieces: 3 }));
    await chat.send.click();
    await chat.shows("t0 t1 t2");
    await expect(chat.stop).toBeHidden();
    await chat.sidebar.getByRole("button", { name: "Options for" }).click();
    await expect(page).toHaveURL(/\/manage$/);
    await page.getByRole("textbox", { name: "Title" }).fill("A better name");
    await page.getByRole("button", { name: "Rename" }).click();
    await expect(chat.heading).toHaveText("A better name");
    await chat.sidebar.getByRole("button", { name: "Options for" }).click();
    await page.getByRole("button", { name: "Delete for good" }).click();
    await expect(page).toHaveURL(/\/$/);
    await expect(chat.titles).toHaveCount(0);
  });
});
