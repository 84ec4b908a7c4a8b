// Text that is written from right to left: everywhere it stands, and what is not text stays where it is.

import type { Locator, Page } from "@playwright/test";
import { type Chat, ask, expect, test } from "./helpers";
import { Looks } from "./a11y";

const PHONE = { width: 390, height: 844 };
const QUESTION = "اكتب قائمة (مثلا API) من فضلك!";
const ANSWER = `مرحبا بك في القائمة:

- أول عنصر
- ثاني عنصر، مع \`code()\` فيه
  - عنصر داخلي
- An English item (of two).

10. عشرة
11. أحد عشر

> اقتباس قصير، ثم نهاية.

| الاسم | العدد | ملاحظة |
|---|--:|---|
| ألف | 1 | first |
| باء | 2 | ثانية |

\`\`\`sh
make all
\`\`\`

\`git push\` يرسل التغييرات.

An English paragraph stands to the left.`;

const direction = (element: Locator): Promise<string> => element.evaluate((it) => getComputedStyle(it).direction);
const width = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth);

/** Says it in Arabic. The script would show in the bubble, so it goes by the queue. */
const talk = async (chat: Chat, upstream: { next: (script: { text: string }) => Promise<void> }): Promise<void> => {
  await chat.open();
  await upstream.next({ text: ANSWER });
  await chat.say(QUESTION);
  await chat.ended();
};

test("z20 the field, what was said and each block of a reply take their direction from the text", async ({ chat, page, upstream }) => {
  await page.setViewportSize(PHONE);
  await chat.open();
  await chat.field.fill(QUESTION);
  expect(await direction(chat.field)).toBe("rtl");
  await chat.field.fill("Write a list");
  expect(await direction(chat.field)).toBe("ltr");
  await talk(chat, upstream);
  const { prose } = chat;
  for (const rtl of [chat.said.getByText(QUESTION), prose.getByText("مرحبا"), prose.locator("ul").first(), prose.locator("ol"), prose.locator("blockquote"), prose.locator("table"), prose.getByText("يرسل"), chat.heading]) {
    expect(await direction(rtl)).toBe("rtl");
  }
  for (const ltr of [prose.locator("pre"), prose.locator("li code"), prose.getByText("An English paragraph")]) {
    expect(await direction(ltr)).toBe("ltr");
  }
  expect(await width(page)).toBe(PHONE.width);
});

test("z20 what one has said stays on its side, list marks stand inside the page, and columns run from the right", async ({ chat, page, upstream }) => {
  await page.setViewportSize(PHONE);
  await talk(chat, upstream);
  const box = async (element: Locator) => (await element.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  const [said, column] = [await box(page.locator(".said")), await box(chat.prose.last())];
  expect(Math.round(said.x + said.width)).toBe(Math.round(column.x + column.width));
  // The marks stand in the list's padding, which is inside of the column.
  for (const list of [chat.prose.locator("ul").first(), chat.prose.locator("ol")]) {
    const [outer, item] = [await box(list), await box(list.locator("li").first())];
    expect(Math.round(outer.x + outer.width)).toBe(Math.round(column.x + column.width));
    expect(outer.x + outer.width - (item.x + item.width)).toBeGreaterThan(20);
    expect(Math.round(item.x)).toBe(Math.round(outer.x));
  }
  // An English item is English, and stands where the list stands.
  const english = chat.prose.getByText("An English item");
  expect(await english.evaluate((it) => getComputedStyle(it).textAlign)).toBe("right");
  const [first, last] = [await box(chat.prose.locator("th").first()), await box(chat.prose.locator("th").last())];
  expect(first.x).toBeGreaterThan(last.x);
  // Paragraphs in one bubble have each their own direction.
  expect(await page.locator(".said > p").evaluate((it) => getComputedStyle(it).unicodeBidi)).toBe("plaintext");
});

test("z20 a wide table from right to left begins at its first column", async ({ chat, page, upstream }) => {
  await page.setViewportSize(PHONE);
  const row = (word: string) => `|${Array.from({ length: 12 }, (_, index) => ` ${word}${index} `).join("|")}|`;
  await chat.open();
  await upstream.next({ text: `${row("عمود")}\n${row("---").replace(/\d/g, "")}\n${row("خلية")}` });
  await chat.say("جدول");
  await chat.ended();
  await expect(chat.prose.locator("th").first()).toBeInViewport({ ratio: 1 });
  await expect(chat.prose.locator("th").last()).not.toBeInViewport();
  const [first, second] = await Promise.all([0, 1].map((index) => chat.prose.locator("th").nth(index).boundingBox()));
  expect(first?.x).toBeGreaterThan(second?.x ?? Infinity);
  expect(await width(page)).toBe(PHONE.width);
});

test("z20 a list with long numbers does not make the page scroll", async ({ chat, page, upstream }) => {
  await page.setViewportSize(PHONE);
  await chat.open();
  await upstream.next({ text: "سنوات:\n\n2024. أولى\n2025. ثانية\n\nثم\n\n123456789. أخيرة" });
  await chat.say("سنوات");
  await chat.ended();
  await expect(chat.prose.locator("ol")).toHaveCount(2);
  expect(await width(page)).toBe(PHONE.width);
});

test("z20 titles in the list, and where one writes instead, take their direction from the text", async ({ chat, page, upstream }) => {
  await talk(chat, upstream);
  const title = chat.titles.first().locator("span").last();
  await expect(title).toHaveText(/قائمة/);
  expect(await direction(title)).toBe("rtl");
  await chat.said.hover();
  await chat.said.getByRole("button", { name: "Edit" }).click();
  expect(await direction(page.getByLabel("What you say instead"))).toBe("rtl");
  await page.keyboard.press("Escape");
  await page.getByText(/^Instructions/).click();
  const instructions = page.locator("#system");
  await instructions.fill("أجب باختصار.");
  expect(await direction(instructions)).toBe("rtl");
});

test("z20 a conversation from right to left looks right by day and by night, on a phone and on a desktop", async ({ chat, page, upstream }) => {
  await talk(chat, upstream);
  const looks = new Looks(page);
  await looks.at("right-to-left");
  expect(looks.faults()).toEqual([]);
});
