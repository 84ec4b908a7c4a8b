// A first conversation, from nothing to a reply.

import { Chat, ask, expect, test } from "./helpers";

test("the page answers, and a chat with the tour streams where no model is configured", async ({ serve, page }) => {
  const server = await serve({});
  const chat = new Chat(page);
  await chat.open(server.url);
  await expect(page).toHaveTitle("Rivulet");
  await expect(page.getByText("No model is configured yet")).toBeVisible();
  await chat.say("What is this?");
  const first = await chat.showsSome();
  await expect(page).toHaveURL(/\/c\/[0-9a-f-]{36}$/);
  await expect(page).toHaveTitle("What is this? · Rivulet");
  await chat.showsSome(first.length + 200);
  await expect(chat.stop).toBeVisible();
  await expect(chat.prose).toContainText("No model is configured on this server");
  await expect(chat.prose).toContainText("What is this?");
});

for (const [format, model] of [
  ["anthropic", "claude-test"],
  ["openai", "gpt-test"],
]) {
  test(`2,000 pieces of many bytes arrive to the letter in ${format}'s format`, async ({ chat, upstream }) => {
    const script = { pieces: 2000, multibyte: true, gap_ms: 2 };
    await chat.open();
    await chat.model.selectOption({ label: model });
    await chat.say(ask("Many letters", script));
    const text = await upstream.text(script);
    await chat.shows(text);
    await chat.ended();
    expect((await upstream.asked("Many letters"))?.format).toBe(format);
    await chat.reload();
    await chat.shows(text);
  });
}

for (const [fault, script, sentence, kept] of [
  ["that refuses the key", { status: 401, times: 1 }, /refused this server. Tell the administrator/, ""],
  ["that fails in the middle", { error_after: 5, times: 1 }, /overloaded/, "t0 t1 t2 t3 t4"],
] as const) {
  test(`a provider ${fault} is told in a sentence, and a retry works`, async ({ chat, page }) => {
    await chat.open();
    await chat.say(ask("Please", script));
    await expect(chat.ending(sentence)).toBeVisible();
    await chat.shows(kept);
    await chat.reload();
    await expect(chat.ending(sentence)).toBeVisible();
    await chat.shows(kept);
    await page.getByRole("button", { name: "Retry" }).click();
    await chat.shows([...Array(20).keys()].map((index) => `t${index}`).join(" "));
    await expect(chat.replied).toHaveCount(1);
    await expect(chat.ending(sentence)).toBeHidden();
  });
}
