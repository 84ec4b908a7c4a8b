// What a reply's text is made of, beyond plain Markdown: blocks of code that are wrapped and kept, footnotes, times, and marks that
// are still half written.

import { readFile } from "node:fs/promises";
import { ask, expect, test } from "./helpers";

test("point 6: a block of code is wrapped, and kept as a file", async ({ chat, page }) => {
  await chat.open();
  const line = `let x = "${"long ".repeat(60)}";`;
  await chat.say(ask("Code", { text: `Here:\n\n\`\`\`rust\n${line}\n\`\`\`` }));
  await chat.ended();
  const block = chat.prose.locator(".code");
  const isWide = () => block.locator("pre").evaluate((pre) => pre.scrollWidth > pre.clientWidth);
  expect(await isWide()).toBe(true);
  const wrap = block.getByRole("button", { name: "Wrap" });
  await wrap.click();
  await expect(wrap).toHaveAttribute("aria-pressed", "true");
  expect(await isWide()).toBe(false);
  await wrap.click();
  expect(await isWide()).toBe(true);
  const download = page.waitForEvent("download");
  await block.getByRole("button", { name: "Download" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe("code.rs");
  expect(await readFile(await file.path(), "utf8")).toBe(`${line}\n`);
});

test("point 6: the time of a message is shown on hover and on focus", async ({ chat, page, upstream }) => {
  await upstream.next({ text: "Said." });
  await chat.open();
  await chat.say("When?");
  await chat.ended();
  await page.mouse.move(0, 0);
  const times = page.locator(".at");
  await expect(times).toHaveCount(2);
  const opacity = (number: number) => times.nth(number).evaluate((time) => getComputedStyle(time).opacity);
  expect(await opacity(0)).toBe("0");
  await chat.said.first().hover();
  await expect.poll(() => opacity(0)).toBe("1");
  const year = String(new Date().getFullYear());
  await expect(times.nth(0)).toContainText(year);
  await page.mouse.move(0, 0);
  await expect.poll(() => opacity(1)).toBe("0");
  await chat.replied.getByRole("button", { name: "Copy", exact: true }).focus();
  await expect.poll(() => opacity(1)).toBe("1");
  await expect(times.nth(1)).toContainText(year);
});

test("point 6: footnotes are set, live and after a reload", async ({ chat }) => {
  await chat.open();
  await chat.say(ask("Notes", { text: "Rivers bend[^1].\n\n[^1]: They erode the outer bank." }));
  await chat.ended();
  for (const way of ["live", "after a reload"]) {
    await expect(chat.prose.locator("p sup.note"), way).toHaveText("1");
    await expect(chat.prose.locator(".footnote"), way).toHaveText("1They erode the outer bank.");
    if (way === "live") await chat.reload();
  }
});

test("point 9: half a mark is not shown as it is written, and the text is copied as it came", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("Marks", { text: "A **bold word and ", silence_after: 6, piece_chars: 3, times: 1 }));
  await expect(chat.prose.locator("strong")).toHaveText("bold word and");
  await expect(chat.prose).not.toContainText("*");
  await chat.stop.click();
  await expect(chat.ending(/Stopped/)).toBeVisible();
  // It ended so: what is drawn is what a reload draws.
  await expect(chat.prose).toContainText("A **bold word and");
  await page.reload();
  await expect(chat.prose).toContainText("A **bold word and");
});
