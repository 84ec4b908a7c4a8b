// A reply that is longer than a page shows.

import { expect, test } from "./helpers";

test("z34 a very long reply is cut on the page with a link to all of it, as it grows and after a reload", async ({ chat, context, page, upstream }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await chat.open();
  const text = `The start. ${"word ".repeat(120_000)}\n\nThe end.`;
  await upstream.next({ text, piece_chars: 20_000 });
  await chat.say("A long story, please");
  const reply = chat.replied.last();
  const link = reply.getByRole("link", { name: "Read all of it" });
  for (const way of ["as it grew", "after a reload"]) {
    await expect(link, way).toBeVisible();
    await expect(reply, way).toContainText("The start.");
    await expect(reply, way).not.toContainText("The end.");
    // What is pasted has its end: as text alone, since the page has no more than the beginning as it is set.
    await reply.getByRole("button", { name: "Copy", exact: true }).click();
    await expect(reply.getByRole("button", { name: "Copied" }), way).toBeVisible();
    const kinds = await page.evaluate(async () => (await navigator.clipboard.read()).flatMap((item) => item.types));
    expect(kinds, way).toEqual(["text/plain"]);
    expect(await page.evaluate(() => navigator.clipboard.readText()), way).toBe(text);
    if (way === "as it grew") await page.reload();
  }
  const whole = await page.request.get(new URL((await link.getAttribute("href")) ?? "", page.url()).href);
  expect(await whole.text()).toBe(text);
});
