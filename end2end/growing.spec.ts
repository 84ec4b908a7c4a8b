// What a reader holds of a reply while it grows, when a block of it is finished, when its code is coloured and when it
// ends: the selection, the focus and the scrolling stay. Afterwards the page is what a reload shows.

import type { Page } from "@playwright/test";
import { type Chat, type Script, ask, expect, test } from "./helpers";

const PIECE_CHARS = 5;

/** Writes `text` up to each of the words, and there waits for `upstream.go()`. */
const upTo = (text: string, ...words: string[]): Script => ({
  text,
  piece_chars: PIECE_CHARS,
  gap_ms: 2,
  hold_after: words.map((word) => Math.ceil((text.indexOf(word) + word.length) / PIECE_CHARS)),
});

const selected = (page: Page): Promise<string> => page.evaluate(() => getSelection()?.toString() ?? "");

/** The reply's own HTML. */
const html = (chat: Chat): Promise<string> => chat.prose.last().locator(".prose").innerHTML();

/** Marks all elements of the reply, and tells how many of them are marked: those that were never replaced. */
const mark = (chat: Chat): Promise<number> =>
  chat.prose.last().evaluate((reply) => [...reply.querySelectorAll("*")].map((node) => Object.assign(node, { mark: true })).length);
const marked = (chat: Chat): Promise<number> =>
  chat.prose.last().evaluate((reply) => [...reply.querySelectorAll("*")].filter((node) => "mark" in node).length);

const POINTS = Array.from({ length: 30 }, (_, index) => `${index + 1}. **Point ${index}** with some words to it`);

test("z17 what is selected in a list stays selected while the list grows and when the reply ends", async ({ chat, page, upstream }) => {
  await chat.open();
  await chat.say(ask("A list", upTo(POINTS.join("\n"), "Point 9", "Point 20")));
  const first = chat.prose.getByRole("listitem").first();
  await expect(chat.prose).toContainText("Point 9");
  await first.selectText();
  const before = await selected(page);
  expect(before).toBe("Point 0 with some words to it");
  const nodes = await mark(chat);
  await upstream.go();
  await expect(chat.prose).toContainText("Point 20");
  expect(await selected(page)).toBe(before);
  await upstream.go();
  await chat.ended();
  expect(await selected(page)).toBe(before);
  expect(await marked(chat)).toBe(nodes);
  await expect(chat.prose.getByRole("listitem")).toHaveCount(30);
});

test("z17 what is selected and focused in a list stays so when a blank line makes paragraphs of its items", async ({ chat, page, upstream }) => {
  const text = "- A [link](https://a.example/one) in the first\n\n- and **bold** in the second\n- and the third";
  await chat.open();
  await chat.say(ask("A loose list", upTo(text, "in the first", "**bold** in")));
  await expect(chat.prose).toContainText("in the first");
  await expect(chat.prose.locator("li > p")).toHaveCount(0);
  const link = chat.prose.getByRole("link");
  await link.focus();
  await chat.prose.getByRole("listitem").selectText();
  const before = await selected(page);
  await upstream.go();
  await expect(chat.prose.locator("li > p")).toHaveCount(2);
  expect(await selected(page)).toBe(before);
  await expect(link).toBeFocused();
  await upstream.go();
  await chat.ended();
  expect(await selected(page)).toBe(before);
  await expect(link).toBeFocused();
});

test("z17 code that grows keeps its scrolling and what is selected in it, also when it is finished and coloured", async ({ chat, page, upstream }) => {
  const lines = Array.from({ length: 30 }, (_, index) => `const line${index} = "${index}"; // one of many`);
  const text = `\`\`\`js\nconst long = "${"x".repeat(300)}";\n${lines.join("\n")}\n\`\`\`\n\nAnd that is all there is.`;
  await chat.open();
  await chat.say(ask("Code", upTo(text, "line5 ", "line20 ", "that is")));
  const code = chat.prose.locator("pre");
  await expect(code).toContainText("line5");
  await code.evaluate((pre) => {
    pre.scrollLeft = 150;
    const at = pre.textContent?.indexOf("line2 = ") ?? 0;
    const node = pre.querySelector("code")?.firstChild as Text;
    // Backwards, as when one drags to the left.
    getSelection()?.setBaseAndExtent(node, at + 'line2 = "2"'.length, node, at);
  });
  const holds = async () => {
    expect(await code.evaluate((pre) => pre.scrollLeft)).toBe(150);
    expect(await selected(page)).toBe('line2 = "2"');
  };
  await upstream.go();
  await expect(code).toContainText("line20");
  await holds();
  await upstream.go();
  await expect(chat.prose).toContainText("that is");
  await holds();
  const nodes = await mark(chat);
  await upstream.go();
  await chat.ended();
  await expect(code.locator("span").first()).toBeVisible();
  await holds();
  expect(await marked(chat)).toBe(nodes);
  expect(await page.evaluate(() => getSelection()?.focusNode?.textContent)).toContain("line2");
});

test("z17 a wide table that grows keeps its scrolling, on a phone", async ({ chat, page, upstream }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const row = (word: string) => `|${Array.from({ length: 9 }, (_, index) => ` ${word}${index} `).join("|")}|`;
  const rows = Array.from({ length: 12 }, (_, index) => row(`row${index}column`));
  const text = [row("head"), row("---").replace(/\d/g, ""), ...rows, "", "The end."].join("\n");
  await chat.open();
  await chat.say(ask("A table", upTo(text, "row2column8", "row9column8")));
  const table = chat.prose.getByRole("group", { name: "Table" });
  await expect(table).toContainText("row2column0");
  await table.evaluate((element) => (element.scrollLeft = 120));
  await upstream.go();
  await expect(table).toContainText("row9column0");
  expect(await table.evaluate((element) => element.scrollLeft)).toBe(120);
  await upstream.go();
  await chat.ended();
  expect(await table.evaluate((element) => element.scrollLeft)).toBe(120);
});

test("z17 a link in a paragraph that grows keeps the focus", async ({ chat, upstream }) => {
  const text = "[The journal](https://a.example/journal) is what everything here is made of, **and** more.\n\nThe end of it.";
  await chat.open();
  await chat.say(ask("A link", upTo(text, "is what", "The end")));
  const link = chat.prose.getByRole("link");
  await link.focus();
  await upstream.go();
  await expect(chat.prose).toContainText("The end");
  await expect(link).toBeFocused();
  await upstream.go();
  await chat.ended();
  await expect(link).toBeFocused();
});

test("z17 the button of code that grows copies what is there, however slow the press", async ({ chat, context, page, upstream }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const text = "```sh\nmake all\nmake test\nmake bench\n```\n";
  await chat.open();
  await chat.say(ask("A growing command", upTo(text, "make all\nmake", "make test\nmake")));
  const button = chat.prose.getByRole("button", { name: "Copy" });
  await button.hover();
  await page.mouse.down();
  await upstream.go();
  await expect(chat.prose).toContainText("make test make");
  await page.mouse.up();
  await expect(chat.prose.getByRole("button", { name: "Copied" })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^make all\nmake test\nmake/);
  // What comes meanwhile leaves the button's words alone.
  await upstream.go();
  await expect(chat.prose).toContainText("make bench");
  await expect(button).toHaveText("Copy");
});

test("z17 what is selected of the model's thinking stays selected while it thinks on", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("Think", { thinking: 120, pieces: 2, gap_ms: 20 }));
  await page.getByText(/^Thinking/).first().click();
  const thinking = chat.replied.last().locator(".thinking__text");
  await expect(thinking).toBeVisible();
  await thinking.evaluate((element) => getSelection()?.setBaseAndExtent(element.firstChild as Text, 0, element.firstChild as Text, 4));
  const [before, length] = [await selected(page), (await thinking.textContent())?.length ?? 0];
  expect(before).toHaveLength(4);
  await expect.poll(async () => (await thinking.textContent())?.length).toBeGreaterThan(length + 50);
  expect(await selected(page)).toBe(before);
});

test("z17 a reply that was watched is in the end what a reload shows, to the letter", async ({ chat, page, upstream }) => {
  const document = await upstream.text({ markdown: true });
  const odd = [
    "# A *head*\n\n- one\n  - two\n\n- three `four`\n\n3. [x] done\n\nSee [the end][e] and **bold [link](https://a.example/b)**.",
    "Setext\n---\n\n| a | b |\n|---|:-:|\n| 1 | <br> |\n\n> quote\n> ```py\n> def f(): pass\n> ```\n\n~~~\nplain\n~~~\n\n[e]: https://e.example/end",
  ];
  for (const [index, text] of [document, odd.join("\n\n")].entries()) {
    await chat.open();
    await chat.say(ask(`Watched ${index}`, { text, piece_chars: 3, gap_ms: 2 }));
    await chat.ended();
    await expect(chat.prose.locator("code span").first()).toBeVisible();
    const watched = await html(chat);
    await page.waitForURL(/\/c\//);
    await chat.reload();
    expect(watched).toBe(await html(chat));
  }
});
