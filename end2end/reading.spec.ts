// Reading a reply while it is written: the view follows, the text stands still, code and tables are usable.

import type { Page } from "@playwright/test";
import { ask, expect, test } from "./helpers";

/** Two lines: within this distance of the end, the view follows. */
const NEAR_PX = 48;

const PIECE_CHARS = 8;
/** Of the characters that the model writes, how many are text: the others are blank lines. */
const MARKED = 0.95;

/** Much more than a window holds, in short paragraphs. */
const PAGES = Array.from({ length: 60 }, (_, index) => `Paragraph ${index} says a little, and no more than that.`).join("\n\n");

/** Where the view is, as soon as it is at rest. */
const scrolled = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    for (let [still, before] = [0, -1]; still < 5; still = scrollY === before ? still + 1 : 0) {
      before = scrollY;
      await new Promise(requestAnimationFrame);
    }
    return scrollY;
  });

test("the view follows the text, stays where the reader scrolls up, and goes back down at the press of a button", async ({ chat, page, upstream }) => {
  // It is being written for as long as the test looks at it.
  const [first, second, third] = [1_000, 1_600, 2_200];
  const holds = [first, second, third].map((length) => length / PIECE_CHARS);
  const latest = page.getByRole("button", { name: "Jump to latest" });
  await chat.open();
  await chat.say(ask("Write much", { text: PAGES, piece_chars: PIECE_CHARS, gap_ms: 5, hold_after: holds }));
  await chat.showsSome(first * MARKED);
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(0);
  await expect.poll(() => chat.below()).toBeLessThanOrEqual(NEAR_PX);
  await expect(latest).toBeHidden();

  await page.mouse.move(400, 300);
  await page.mouse.wheel(0, -400);
  await expect(latest).toBeVisible();
  const top = await scrolled(page);
  await upstream.go();
  await chat.showsSome(second * MARKED);
  expect(await page.evaluate(() => scrollY)).toBe(top);

  await latest.click();
  await expect(latest).toBeHidden();
  await expect.poll(() => chat.below()).toBeLessThanOrEqual(NEAR_PX);
  await upstream.go();
  await chat.showsSome(third * MARKED);
  await expect.poll(() => chat.below()).toBeLessThanOrEqual(NEAR_PX);
  await upstream.go();
  await page.getByText("Paragraph 59 says a little, and no more than that.").waitFor();
  await chat.ended();
  await expect.poll(() => chat.below()).toBeLessThanOrEqual(NEAR_PX);
});

test("Markdown is set while it streams, and afterwards its code is highlighted and can be copied", async ({ chat, context, page, upstream }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await chat.open();
  await chat.say(ask("Set it well", { markdown: true, gap_ms: 2 }));
  await chat.ended();
  const reply = chat.prose.last();
  await expect(reply.getByRole("heading", { name: "How a reply travels" })).toBeVisible();
  await expect(reply.getByRole("table")).toContainText("overloaded");
  await expect(reply.getByRole("checkbox", { name: "Done" })).toBeChecked();
  await expect(reply.getByRole("checkbox", { name: "To do" })).not.toBeChecked();
  await expect(reply.getByRole("link", { name: "the journal" })).toHaveAttribute("rel", /noopener/);

  const code = reply.locator("figure").first();
  await expect(code.getByText("rust", { exact: true })).toBeVisible();
  await expect(code.locator("code span").first()).toBeVisible();
  const whole = await upstream.text({ markdown: true });
  const rust = whole.split("```rust\n")[1].split("```")[0];
  expect(await code.locator("code").textContent()).toBe(rust);
  await code.getByRole("button", { name: "Copy" }).click();
  await expect(code.getByRole("button", { name: "Copied" })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(rust.trimEnd());
  await expect(code.getByRole("button", { name: "Copy", exact: true })).toBeVisible();

  await chat.replied.getByRole("button", { name: "Copy", exact: true }).last().click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(whole);
  await chat.reload();
  await expect(code.locator("code span").first()).toBeVisible();
  expect(await code.locator("code").textContent()).toBe(rust);
});

test("HTML in a reply is text, and an image in it loads nothing", async ({ chat, page, upstream }) => {
  const image = `${upstream.url}/image.png`;
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  const text = `Look: <b id="bold">this</b> <img src="${image}"> and ![a picture](${image}).\n\n<script>document.title = "Ha"</script>\n\nThe end.`;
  await chat.open();
  await chat.say(ask("Be wicked", { text, gap_ms: 5 }));
  await chat.ended();
  const reply = chat.prose.last();
  await expect(reply).toContainText('<b id="bold">this</b>');
  await expect(reply).toContainText(`<img src="${image}">`);
  await expect(reply).toContainText("<script>");
  await expect(reply.getByRole("link", { name: "a picture" })).toHaveAttribute("href", image);
  await expect(reply.locator("img, b, script")).toHaveCount(0);
  await expect(page).not.toHaveTitle("Ha");
  await chat.reload();
  await expect(reply).toContainText('<b id="bold">this</b>');
  await expect(reply.locator("img, b, script")).toHaveCount(0);
  expect(asked.filter((url) => url.includes("image.png"))).toEqual([]);
});

test("a wide table scrolls by itself, and the page does not", async ({ chat, page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const row = (word: string) => `|${Array.from({ length: 12 }, (_, index) => ` ${word}${index} `).join("|")}|`;
  await chat.open();
  await chat.say(ask("A wide table", { text: `${row("column")}\n${row("---").replace(/\d/g, "")}\n${row("cell")}\n\nThe end.` }));
  await chat.ended();
  const table = chat.prose.getByRole("group", { name: "Table" });
  await table.focus();
  expect(await table.evaluate((element) => element.scrollWidth - element.clientWidth)).toBeGreaterThan(0);
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => table.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});

test("what is finished of a reply is not drawn again while the rest streams in, nor at its end", async ({ chat, upstream }) => {
  const text = "# A head\n\nA paragraph.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nplain code\n```\n\n> A quote.\n\nThe end, which takes a while.";
  await chat.open();
  await chat.say(ask("Do not flicker", { text, piece_chars: 2, gap_ms: 15, hold_after: [text.indexOf("end, which") / 2] }));
  const reply = chat.prose.last();
  const all = "h3, p, ul, table, figure, blockquote";
  const marked = () => reply.evaluate((reply, all) => [...reply.querySelectorAll(all)].filter((node) => "mark" in node).length, all);
  await expect(reply.locator("blockquote")).toBeAttached();
  const finished = await reply.evaluate((reply, all) => {
    const nodes = [...reply.querySelectorAll(all)];
    for (const node of nodes) Object.assign(node, { mark: true });
    return nodes.length;
  }, all);
  expect(finished).toBeGreaterThanOrEqual(5);
  await upstream.go();
  await expect(reply).toContainText("takes a while.");
  expect(await marked()).toBe(finished);
  await chat.ended();
  expect(await marked()).toBe(finished);
});
