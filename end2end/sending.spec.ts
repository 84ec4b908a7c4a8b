// Sending and stopping.

import { ask, expect, test } from "./helpers";

for (const [way, silent, kept] of [
  ["The Stop button", { silence_after: 5 }, "t0 t1 t2 t3 t4"],
  ["Escape", { silence_after: 5 }, "t0 t1 t2 t3 t4"],
  ["The Stop button, before the first word,", { silence_after: 0 }, ""],
  ["The Stop button, before any answer,", { headers_ms: 60_000 }, ""],
] as const) {
  test(`${way} ends the reply of a silent model within a second, and its text stays`, async ({ chat, page, upstream }) => {
    await chat.open();
    await chat.say(ask("Fall silent", silent));
    await expect.poll(async () => (await upstream.asked("Fall silent"))?.text).toBe(kept);
    await chat.shows(kept);
    await expect(chat.stop).toBeVisible();
    const pressed = Date.now();
    await (way === "Escape" ? page.keyboard.press("Escape") : chat.stop.click());
    await upstream.closed(1);
    expect(Date.now() - pressed).toBeLessThan(1000);
    await expect(chat.ending(/Stopped/)).toBeVisible();
    await expect(chat.stop).toBeHidden();
    await chat.shows(kept);
    await page.keyboard.press("Escape");
    await chat.reload();
    await chat.shows(kept);
    await expect(chat.ending(/Stopped/)).toBeVisible();
  });
}

test("a message sent while a reply streams keeps the old reply as stopped and begins the next", async ({ chat, upstream }) => {
  await chat.open();
  await chat.say(ask("The first", { pieces: 1000, gap_ms: 10 }));
  await chat.showsSome(30);
  await chat.say(ask("The second", { text: "Only the second answer." }));
  await expect(chat.replied).toHaveCount(2);
  await chat.shows("Only the second answer.");
  await upstream.closed(1);
  await expect(chat.replied.first().getByText(/Stopped/)).toBeVisible();
  const first = await chat.prose.first().textContent();
  expect((await upstream.asked("The first"))?.text.startsWith(first ?? "-")).toBe(true);
  await chat.reload();
  await chat.shows("Only the second answer.");
  expect(await chat.prose.first().textContent()).toBe(first);
  expect((await upstream.asked("The second"))?.body.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
});

for (const way of ["Enter", "the button"]) {
  test(`pressing ${way} twice quickly makes one message, in a new conversation and in an old one`, async ({ chat, page, upstream }) => {
    const twice = async (text: string) => {
      await chat.field.fill(text);
      if (way === "the button") return chat.send.dblclick();
      await Promise.all([page.keyboard.press("Enter"), page.keyboard.press("Enter")]);
    };
    await chat.open();
    await twice(ask("Just once", { text: "Heard once." }));
    await chat.shows("Heard once.");
    await twice(ask("Once more", { text: "Heard again." }));
    await chat.shows("Heard again.");
    await chat.reload();
    await expect(chat.said).toHaveCount(2);
    await expect(chat.replied).toHaveCount(2);
    await expect(chat.titles).toHaveCount(1);
    expect(await upstream.seen()).toHaveLength(2);
  });
}
