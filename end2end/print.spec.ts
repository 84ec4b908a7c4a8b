// A conversation on paper: whole and legible, with nothing on it that can only be pressed.

import type { Page } from "@playwright/test";
import { CUT, ask, expect, newName, test } from "./helpers";

const LONG_LINE = `printf ${"0123456789 ".repeat(12)}the-end`;
const TEXT = `Go to [the source](https://source.example/x) or https://bare.example.\n\n\`\`\`sh\n${LONG_LINE}\n\`\`\`\n\nThat is all.`;

/** What a sheet of A4 has room for, between margins of 1.5 cm, in CSS pixels. */
const SHEET = { width: 680, height: 1_009 };
const INK = "rgb(41, 36, 29)";

async function isLegible(page: Page, speaker: string): Promise<void> {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.setViewportSize(SHEET);
  const text = await page.evaluate(() => document.body.innerText);
  for (const part of [speaker, "replied", "Print this", "That is all.", "the-end"]) expect(text).toContain(part);
  expect(text.match(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g)).toHaveLength(2);
  expect(text).not.toMatch(/Skip to|Copy|Retry|Reply finished|Send|New conversation|Share|Edit|Your message/);
  for (const control of await page.locator("button, textarea, select, .skip").all()) await expect(control).toBeHidden();

  const after = (name: string) =>
    page.locator(`.prose a[href^="${name}"]`).evaluate((link) => getComputedStyle(link, "::after").content);
  expect(await after("https://source.example")).toContain("https://source.example/x");
  expect(await after("https://bare.example"), "its text says so").toBe("none");
  const code = page.locator("pre");
  expect(await code.evaluate((it) => it.scrollWidth <= it.clientWidth && it.clientHeight > 2 * 16)).toBe(true);
  expect(await page.evaluate(() => getComputedStyle(document.body).color)).toBe(INK);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(SHEET.width);

  const pdf = (await page.pdf({ format: "A4" })).toString("latin1");
  expect(pdf.match(/\/Type\s*\/Page\b/g), "one sheet, and none is blank").toHaveLength(1);
  await page.emulateMedia({ media: "screen", colorScheme: null });
}

test("z21 a conversation is printed whole, by its users and by its public link", async ({ browse, chat, noise, page }) => {
  noise.expect(CUT);
  await page.goto("/sign-up");
  await page.getByLabel("Name", { exact: true }).fill(newName("Ann"));
  await page.getByLabel("Password", { exact: true }).fill("a quiet river");
  await page.getByRole("button", { name: "Sign up" }).click();
  await chat.awake();
  await chat.say(ask("Print this", { text: TEXT }));
  await chat.ended();
  await expect(chat.prose.last()).toContainText("That is all.");
  const address = page.url();
  await isLegible(page, "You said");

  await page.goto(address);
  await page.getByRole("link", { name: "Share", exact: true }).click();
  await page.getByRole("button", { name: "Make a public link" }).click();
  const link = await page.getByRole("link", { name: /\/p\/[0-9a-f]{32}/ }).getAttribute("href");
  const anybody = await (await browse()).newPage();
  await anybody.goto(new URL(link ?? "", page.url()).href);
  await expect(anybody.locator("[data-awake]")).toBeAttached();
  await isLegible(anybody, "A person said");
});
