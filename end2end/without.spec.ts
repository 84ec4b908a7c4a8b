// Scripts that run while the program does not: no WebAssembly (Lockdown Mode, Tor's "safer"), or a download that fails or
// hangs. And keyboards without Shift and Enter.

import { Chat, ask, expect, test } from "./helpers";

/** The page has decided by then, counted from its load. */
const DECIDED_MS = 5_000;
const PROGRAM = "**/pkg/**/rivulet.wasm";

/** Browsers' own words for a file that did not come, or was loaded for nothing. */
const BROWSERS_OWN = /net::ERR_|status of 404|was preloaded using link preload/;

/** What is missing is said, the form works, and the reply grows by itself while the next message is typed. */
async function worksSimply(chat: Chat, why: RegExp): Promise<void> {
  const said = chat.page.getByRole("alert").filter({ hasText: why });
  await expect(said).toBeVisible({ timeout: DECIDED_MS });
  await chat.field.fill("One line");
  await chat.field.press("Enter");
  await expect(chat.field).toHaveValue("One line\n");
  await chat.field.fill(ask("By button", { pieces: 30, gap_ms: 150 }));
  await chat.send.click();
  await expect(chat.page).toHaveURL(/\/c\//);
  await expect(chat.said).toContainText("By button");
  await chat.field.pressSequentially("Next I ask");
  await chat.field.press("Home");
  const first = await chat.showsSome();
  await expect.poll(async () => (await chat.text()).length).toBeGreaterThan(first.length);
  await expect(chat.field).toBeFocused();
  await chat.page.keyboard.type("What ");
  await expect(chat.prose.last()).toContainText("t29", { timeout: 15_000 });
  await expect(chat.stop).toBeHidden();
  await expect(chat.field).toHaveValue("What Next I ask");
  await expect(said).toBeVisible();
}

test("z02 a browser without WebAssembly works as one without scripts, and says so", async ({ chat, noise, page }) => {
  noise.expect(/^Rivulet: This browser does not run WebAssembly here\./);
  noise.expect(BROWSERS_OWN);
  await page.addInitScript(() => Reflect.deleteProperty(window, "WebAssembly"));
  await page.goto("/");
  await worksSimply(chat, /does not run WebAssembly/);
});

for (const [name, path, answer] of [
  ["that is aborted", PROGRAM, undefined],
  ["that is not there", "**/pkg/**/rivulet.js", { status: 404, body: "" }],
  ["that the browser refuses", PROGRAM, { contentType: "application/wasm", body: "no program" }],
] as const) {
  test(`z02 a page with a program ${name} works as without scripts, and says so`, async ({ chat, noise, page }) => {
    noise.expect(/^Rivulet: The program of this page could not be loaded\./);
    noise.expect(BROWSERS_OWN);
    await page.route(path, (route) => (answer ? route.fulfill(answer) : route.abort()));
    await page.goto("/");
    await worksSimply(chat, /could not be loaded/);
    await page.unroute(path);
    await page.getByRole("link", { name: "Try again" }).click();
    await chat.awake();
    await chat.say(ask("With it", { text: "Here it is." }));
    await chat.shows("Here it is.");
  });
}

test("z02 a program that hangs is done without, and takes over when it comes late", async ({ chat, noise, page }) => {
  noise.expect(/^Rivulet: The program of this page has not arrived yet\./);
  noise.expect(BROWSERS_OWN);
  let arrive = () => {};
  const held = new Promise<void>((resolve) => (arrive = resolve));
  await page.route(PROGRAM, async (route) => {
    await held;
    // The page that asked may be gone.
    await route.continue().catch(() => undefined);
  });
  const decided = page.waitForEvent("console", (message) => message.text().includes("has not arrived yet"));
  await page.goto("/", { waitUntil: "commit" });
  await decided;
  const waited = await page.evaluate(() => performance.now() - performance.getEntriesByType("navigation")[0].responseStart);
  expect(waited).toBeLessThan(DECIDED_MS);
  await worksSimply(chat, /has not arrived yet/);
  arrive();
  await chat.awake();
  await expect(page.getByRole("alert").filter({ hasText: "has not arrived yet" })).toBeHidden();
  await expect(chat.field).toHaveValue("What Next I ask");
  await expect(chat.said).toHaveCount(1);
  await expect(chat.prose.last()).toContainText("t29");
  await chat.say(ask("Taken over", { text: "With pleasure." }));
  await chat.shows("With pleasure.");
  await expect(chat.replied).toHaveCount(2);
});

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

test("z18 Enter of a touch keyboard breaks the line, in the composer and where a message is edited", async ({ browse, server, upstream }) => {
  const context = await browse({ ...PHONE, baseURL: server.url });
  const page = await context.newPage();
  const chat = new Chat(page);
  await chat.open();
  await chat.field.tap();
  await expect(chat.field).toHaveAttribute("enterkeyhint", "enter");
  await page.keyboard.type("first line");
  await page.keyboard.press("Enter");
  await page.keyboard.type("second line");
  await expect(chat.field).toHaveValue("first line\nsecond line");
  await upstream.next({ text: "Two lines." });
  await chat.send.tap();
  await chat.shows("Two lines.");
  await expect(chat.said.locator(".said")).toHaveText("first line\nsecond line", { useInnerText: true });

  await page.getByRole("button", { name: "Edit" }).tap();
  const editor = page.getByRole("textbox", { name: "What you say instead" });
  await expect(editor).toHaveAttribute("enterkeyhint", "enter");
  await editor.press("End");
  await editor.fill("other line");
  await editor.press("Enter");
  await expect(editor).toHaveValue("other line\n");
  await page.keyboard.type("and one");
  await upstream.next({ text: "Two other lines." });
  await editor.press("Control+Enter");
  await chat.shows("Two other lines.");

  await chat.field.fill("By key");
  await upstream.next({ text: "By key it is." });
  await chat.field.press("Meta+Enter");
  await chat.shows("By key it is.");
});

test("z18 where there is a mouse, Enter sends and Shift and Enter breaks the line", async ({ chat, upstream }) => {
  await chat.open();
  await expect(chat.field).toHaveAttribute("enterkeyhint", "send");
  await chat.field.pressSequentially("first line");
  await chat.field.press("Shift+Enter");
  await chat.field.pressSequentially("second line");
  await expect(chat.field).toHaveValue("first line\nsecond line");
  await upstream.next({ text: "Two lines." });
  await chat.field.press("Enter");
  await chat.shows("Two lines.");
});
