// The app around the conversation: faults by their rows, the composer, the palette.

import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { Looks } from "./a11y";
import { ask, expect, test } from "./helpers";

test("u01_a_reply_that_the_next_message_cut_keeps_continue_and_retry", async ({ chat, page, upstream }) => {
  await chat.open();
  await chat.say(ask("First", { silence_after: 3, times: 1 }));
  await chat.shows("t0 t1 t2");
  await chat.field.fill("Second");
  await expect(page.getByText("Enter stops the reply and sends")).toBeVisible();
  await expect(page.getByRole("button", { name: "Stop and send" })).toBeVisible();
  await upstream.next({ text: "The second answer." });
  await chat.field.press("Enter");
  await chat.shows("The second answer.");
  await chat.ended();
  const cut = chat.replied.first();
  await expect(cut.getByText("Stopped here.")).toBeVisible();
  await expect(cut.getByRole("button", { name: "Retry" })).toBeVisible();
  await upstream.next({ text: "and the rest" });
  await cut.getByRole("button", { name: "Continue" }).click();
  await expect(chat.prose.last()).toContainText("and the rest");
  await chat.ended();
  await expect(chat.said, "what followed is on the other version").toHaveCount(1);
  await expect(page.getByText("2 of 2")).toBeVisible();
  await page.getByRole("button", { name: "Former version" }).click();
  await chat.shows("The second answer.");
});

test("u03_the_focus_goes_to_the_field_after_stop_and_retry", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("Stop", { silence_after: 3, times: 1 }));
  await chat.shows("t0 t1 t2");
  await chat.stop.focus();
  await page.keyboard.press("Enter");
  await expect(chat.ending(/Stopped/)).toBeVisible();
  await expect(chat.field).toBeFocused();
  await page.getByRole("button", { name: "Retry" }).focus();
  await page.keyboard.press("Enter");
  await chat.ended();
  await expect(chat.field).toBeFocused();
});

test("u04_the_field_has_the_focus_at_first_and_takes_what_is_typed_anywhere", async ({ chat, page, browse, server }) => {
  await chat.open();
  await expect(chat.field).toBeFocused();
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.keyboard.type("hello");
  await expect(chat.field).toHaveValue("hello");
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.keyboard.press("/");
  await expect(chat.field).toBeFocused();
  await expect(chat.field).toHaveValue("hello");
  await page.goto("about:blank");
  await chat.open("/#latest");
  await expect(chat.field).not.toBeFocused();
  const phone = await (await browse({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } })).newPage();
  await phone.goto(server.url);
  await expect(phone.locator("[data-awake]")).toBeAttached();
  expect(await phone.evaluate(() => document.activeElement?.id)).not.toBe("text");
});

test("u06_copying_a_reply_is_shown_and_announced_each_time", async ({ chat, context, page, upstream }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await upstream.next({ text: "Copy me." });
  await chat.open();
  await chat.say("What?");
  await chat.ended();
  const announced = page.locator(".unseen[role=status]");
  await chat.replied.getByRole("button", { name: "Copy", exact: true }).click();
  await expect(chat.replied.getByRole("button", { name: "Copied" })).toBeVisible();
  const first = await announced.textContent();
  expect(first).toContain("Copied.");
  await expect(chat.replied.getByRole("button", { name: "Copy", exact: true })).toBeVisible();
  await chat.replied.getByRole("button", { name: "Copy", exact: true }).click();
  await expect.poll(() => announced.textContent()).not.toBe(first);
  expect(await announced.textContent()).toContain("Copied.");
});

test("u07_a_reply_has_the_name_that_the_picker_shows", async ({ chat, page, upstream }) => {
  await upstream.next({ text: "Named." });
  await chat.open();
  const name = await page.locator("#model option:checked").textContent();
  await chat.say("Who are you?");
  await chat.ended();
  await expect(chat.replied.locator(".made").first()).toHaveText(name ?? "");
});

test("u13_the_length_is_said_before_sending_and_the_notice_goes_with_its_cause", async ({ chat, page }) => {
  await chat.open();
  await chat.field.fill("x".repeat(29_000));
  await expect(page.getByText("29,000 of 32,000 characters")).toBeVisible();
  await chat.field.fill("x".repeat(32_100));
  await expect(page.getByText("100 characters too many")).toBeVisible();
  await chat.field.press("Enter");
  const notice = page.getByRole("alert").filter({ hasText: "this one has 100 more" });
  await expect(notice).toBeVisible();
  await expect(chat.said).toHaveCount(0);
  await chat.field.fill("short");
  await expect(notice).toBeHidden();
  await expect(page.getByText("characters")).toBeHidden();
});

test("u16_axe_finds_nothing_on_the_api_s_page", async ({ page, server }) => {
  await page.goto(`${server.url}/api`);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))).toEqual([]);
});

test("u17_leaving_a_page_that_follows_leaves_the_console_silent", async ({ chat, page, upstream }) => {
  await upstream.next({ text: "Said." });
  await chat.open();
  await chat.say("Something");
  await chat.ended();
  await page.goto("/account");
  await page.goBack();
  await chat.awake();
  await page.goto(`${new URL(page.url()).pathname}/sharing`);
  await expect(page.getByRole("heading", { name: "Sharing" })).toBeVisible();
});

test("point 4: the composer is one row with one round button, under the greeting at first", async ({ chat, page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await chat.open();
  expect((await page.locator("#composer").boundingBox())?.height, "on a phone").toBeLessThan(60);
  await page.setViewportSize({ width: 1280, height: 800 });
  const form = page.locator("#composer");
  const at = await form.boundingBox();
  const height = page.viewportSize()?.height ?? 0;
  expect(at?.height).toBeLessThan(60);
  expect(at?.y).toBeGreaterThan(height * 0.25);
  expect(at?.y).toBeLessThan(height * 0.7);
  await chat.say(ask("Wait", { silence_after: 3, times: 1 }));
  await chat.shows("t0 t1 t2");
  expect((await form.boundingBox())?.y).toBeGreaterThan(height * 0.8);
  await expect(chat.stop).toBeVisible();
  await expect(chat.send).toBeHidden();
  await chat.field.fill("Now");
  await expect(chat.stop).toBeHidden();
  await expect(chat.send).toBeVisible();
  await chat.field.fill("");
  await chat.stop.click();
  await expect(chat.ending(/Stopped/)).toBeVisible();
  await chat.field.fill("One line\nand another");
  expect((await form.boundingBox())?.height).toBeGreaterThan(80);
});

test("point 2: the palette finds conversations and does things by a word", async ({ chat, page, upstream }) => {
  await upstream.next({ text: "The hidden lighthouse is old." });
  await chat.open();
  await chat.say("Tell me");
  await chat.ended();
  const here = page.url();
  await page.keyboard.press("Control+k");
  const box = page.getByRole("combobox", { name: "Search" });
  await expect(box).toBeFocused();
  await box.fill("lighthouse");
  const hit = page.getByRole("option").filter({ hasText: "hidden" });
  await expect(hit).toBeVisible();
  await expect(hit.locator("mark")).toHaveText("lighthouse");
  await page.keyboard.press("Escape");
  await expect(box).toBeHidden();
  await expect(chat.field).toBeFocused();
  await page.keyboard.press("Control+k");
  await box.fill("new conv");
  await page.keyboard.press("Enter");
  await expect(chat.heading).toHaveText("Where shall we begin?");
  await page.keyboard.press("Control+k");
  await box.fill("lighthouse");
  await expect(hit).toBeVisible();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(here);
});

test("what is opened right after another was closed stays open", async ({ chat, page }) => {
  await chat.open();
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Search and commands" });
  // In one task: the browser says that the first was closed when the second is open.
  const closeAndPress = (init: KeyboardEventInit) =>
    page.evaluate(async (init) => {
      document.querySelector<HTMLDialogElement>("dialog[open]")?.close();
      document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
      await new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done)), 50));
    }, init);
  await expect(palette).toBeVisible();
  await closeAndPress({ key: "k", ctrlKey: true });
  await expect(palette).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Search" })).toBeFocused();
  await closeAndPress({ key: "?" });
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await expect(palette).toHaveCount(0);
});

test("point 2: a question mark shows the keys, and single keys can be switched off", async ({ chat, page }) => {
  await chat.open();
  const blur = () => page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await blur();
  await page.keyboard.press("?");
  const keys = page.getByRole("dialog", { name: "Keys" });
  await expect(keys.getByText("Ctrl + K")).toBeVisible();
  await keys.getByRole("checkbox").uncheck();
  await page.keyboard.press("Escape");
  await expect(keys).toBeHidden();
  await blur();
  await page.keyboard.press("?");
  await expect(chat.field).toBeFocused();
  await expect(keys).toBeHidden();
});

test.describe("the model picker", () => {
  test("u07_models_are_found_by_a_word_and_chosen_by_keys", async ({ chat, page }) => {
    await chat.open();
    await chat.model.focus();
    const before = await chat.model.inputValue();
    await page.keyboard.press("Space");
    const filter = page.getByRole("combobox", { name: "Model", expanded: true });
    await expect(filter).toBeFocused();
    const options = page.getByRole("option");
    await expect(page.getByRole("group")).not.toHaveCount(0);
    await page.keyboard.press("Escape");
    await expect(filter).toBeHidden();
    await expect(chat.model, "the focus is back").toBeFocused();
    expect(await chat.model.inputValue()).toBe(before);

    await page.keyboard.press("Space");
    await filter.pressSequentially("claude");
    await expect(page.getByRole("dialog").getByRole("option")).toHaveCount(1);
    await filter.fill("no such model");
    await expect(page.getByText("Nothing has this in its name.")).toBeVisible();
    await filter.fill("claude");
    await expect(options.filter({ hasText: "claude" }).first()).toBeVisible();
    await page.keyboard.press("Enter");
    await expect(filter).toBeHidden();
    expect(await chat.model.inputValue()).toContain("claude");
    await chat.say(ask("By the chosen one", { pieces: 2 }));
    await chat.ended();
    await expect(chat.replied.locator(".made").first()).toContainText("claude");
  });

  test("u07_a_press_opens_the_picker_each_time_and_a_second_one_closes_it", async ({ chat, page }) => {
    await chat.open();
    const filter = page.getByRole("combobox", { name: "Model", expanded: true });
    const button = page.locator("#model");
    for (const _ of [1, 2]) {
      await button.click();
      await expect(filter).toBeFocused();
      await button.click();
      await expect(filter).toBeHidden();
    }
  });

  test("u07_a_reply_can_be_tried_again_with_another_model", async ({ chat, page, upstream }) => {
    await chat.open();
    await chat.model.selectOption({ label: "claude-test" });
    await upstream.next({ text: "From the first one." });
    await chat.say("Twice");
    await chat.shows("From the first one.");
    await chat.ended();
    await upstream.next({ text: "From the other one." });
    await chat.replied.getByRole("button", { name: "Try with another model" }).click();
    const filter = page.getByRole("combobox", { name: "Try with" });
    await filter.fill("gpt");
    await page.keyboard.press("Enter");
    await chat.shows("From the other one.");
    await chat.ended();
    await expect(page.getByText("2 of 2")).toBeVisible();
    await expect(chat.replied.locator(".made").first()).toContainText("gpt-test");
    expect(await chat.model.inputValue(), "the conversation goes on with it").toContain("gpt-test");
  });

  test("u07_the_picker_opens_after_its_code_did_not_come_once", async ({ chat, noise, page }) => {
    noise.expect(/WebAssembly|Failed to load resource|net::ERR|Failed to fetch/);
    await page.route(/\/pkg\/.*models.*\.wasm$/, (route) => route.abort(), { times: 1 });
    await chat.open();
    await chat.model.click();
    await expect(page.getByRole("alert").filter({ hasText: "cannot be reached" })).toBeVisible();
    await chat.model.click();
    await expect(page.getByRole("combobox", { name: "Model", expanded: true })).toBeFocused();
  });

  test("u03_tab_closes_the_picker_and_leads_on", async ({ chat, page }) => {
    await chat.open();
    await chat.field.fill("So that it can be sent");
    await chat.model.focus();
    await page.keyboard.press("Space");
    const filter = page.getByRole("combobox", { name: "Model", expanded: true });
    await expect(filter).toBeFocused();
    await page.keyboard.press("Tab");
    await expect(filter).toBeHidden();
    await expect(chat.send).toBeFocused();
  });

  test("u07_the_open_picker_passes_axe_and_fits_in_four_looks", async ({ chat, page }) => {
    await chat.open();
    await chat.model.click();
    await expect(page.getByRole("combobox", { name: "Model", expanded: true })).toBeFocused();
    const looks = new Looks(page);
    await looks.at("picker");
    expect(looks.faults()).toEqual([]);
  });
});

test("u06_a_copied_reply_is_markdown_and_set_where_it_is_pasted", async ({ chat, context, page }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const text = "A **bold** word, \\(a^2\\) and\n\n```rust\nfn main() {}\n```";
  await chat.open();
  await chat.say(ask("Both", { text }));
  await chat.ended();
  await expect(chat.prose.locator("math")).toHaveCount(1);
  await chat.replied.getByRole("button", { name: "Copy", exact: true }).last().click();
  await expect(chat.replied.getByRole("button", { name: "Copied" })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(text);
  const html = await page.evaluate(async () => {
    const [item] = await navigator.clipboard.read();
    return (await item.getType("text/html")).text();
  });
  expect(html).toContain("<strong");
  expect(html).toContain('<span class="f">main</span>');
  expect(html, "nothing of the page's own").not.toMatch(/Copy|class="tex"/);
});

/** The Enter that ends the composition of a word, as browsers send it. */
const composed = (page: Page) =>
  page.evaluate(() => document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true })));

test("an_enter_that_ends_a_composition_chooses_nothing", async ({ chat, page }) => {
  await chat.open();
  await page.keyboard.press("Control+k");
  const box = page.getByRole("combobox", { name: "Search" });
  await box.fill("keys");
  await composed(page);
  await expect(box).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await page.keyboard.press("Escape");
  const model = page.locator("#model");
  const before = await model.inputValue();
  await model.click();
  const filter = page.getByRole("combobox", { name: "Model", expanded: true });
  await filter.fill("gpt");
  await composed(page);
  await expect(filter).toBeFocused();
  expect(await model.inputValue()).toBe(before);
  await page.keyboard.press("Enter");
  await expect(filter).toBeHidden();
  expect(await model.inputValue()).toContain("gpt");
});

test("in_forced_colours_the_choice_that_the_keys_are_at_can_be_seen", async ({ chat, page }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await chat.open();
  const outline = (selector: string) => page.locator(selector).evaluate((choice) => getComputedStyle(choice).outlineStyle);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Search" })).toBeFocused();
  expect(await outline('.palette [aria-selected="true"]')).toBe("solid");
  expect(await outline('.palette [aria-selected="false"] >> nth=0')).toBe("none");
  await page.keyboard.press("Escape");
  await chat.model.click();
  await expect(page.getByRole("combobox", { name: "Model", expanded: true })).toBeFocused();
  expect(await outline(".listbox [data-at]")).toBe("solid");
  expect(await outline(".listbox [role=option]:not([data-at]) >> nth=0")).toBe("none");
});

test("u15_everything_takes_on_another_scheme_at_once", async ({ chat, page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await chat.open();
  await page.mouse.move(0, 0);
  await page.emulateMedia({ colorScheme: "dark" });
  const lagging = await page.evaluate(() => document.getAnimations().filter((it) => it instanceof CSSTransition).length);
  expect(lagging).toBe(0);
});
