// What is copied is what was said: no words of the page's own, and no line break that runs a command.

import { ask, expect, test } from "./helpers";

const copied = () => navigator.clipboard.readText();

test("z19 code that is copied ends without a line break", async ({ chat, context, page }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await chat.open();
  await chat.say(ask("A command", { text: "```sh\nsudo rm -rf ./build\n```" }));
  await chat.ended();
  const button = chat.prose.locator("[data-copy]");
  await button.click();
  await button.click();
  await expect(button).toHaveText("Copied");
  expect(await page.evaluate(copied)).toBe("sudo rm -rf ./build");
  await expect(button).toHaveText("Copy");
});

test("z19 captions and buttons are not selected, by mouse, by keyboard or all at once", async ({ chat, context, page }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await chat.open();
  await chat.say(ask("How?", { text: "Run:\n\n```sh\nmake all\n```\n\nThen go.", thinking: 2 }));
  await chat.ended();
  const [first, last] = [chat.prose.getByText("Run:"), chat.prose.getByText("Then go.")];
  const copy = async () => {
    await page.keyboard.press("Control+c");
    return (await page.evaluate(copied)).split(/\s*\n\s*/).filter(Boolean);
  };
  const text = ["Run:", "make all", "Then go."];

  await first.click({ position: { x: 1, y: 5 } });
  const end = await last.boundingBox();
  await page.mouse.down();
  await page.mouse.move((end?.x ?? 0) + (end?.width ?? 0) - 1, (end?.y ?? 0) + (end?.height ?? 0) / 2, { steps: 8 });
  await page.mouse.up();
  expect(await copy()).toEqual(text);

  // By keyboard, from where one has clicked.
  await first.click({ position: { x: 1, y: 5 } });
  for (let line = 0; line < 3; line += 1) await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+End");
  expect((await copy()).slice(0, 3)).toEqual(text);

  await first.click();
  await page.keyboard.press("Control+a");
  const all = await copy();
  expect(all).toEqual(expect.arrayContaining(text));
  const ours = ["sh", "Copy", "Copied", "Retry", "Edit", "Send", "Thought", "You said", "Instructions"];
  expect(all.filter((line) => ours.some((word) => line === word || line.endsWith("replied")))).toEqual([]);
});
