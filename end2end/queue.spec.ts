// "Send when it is done": a message that waits for the end of the reply.

import { Looks } from "./a11y";
import { Chat, ask, expect, test } from "./helpers";

const waits = (chat: Chat) => chat.page.getByRole("list", { name: "Waiting messages" }).getByRole("listitem");

test("point 4: a message waits for the end of the reply, in every tab and through a reload, and is sent once", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("First", { pieces: 60, gap_ms: 100, times: 1 }));
  await chat.showsSome();
  const other = await page.context().newPage();
  const there = new Chat(other);
  await there.open(page.url());
  await page.bringToFront();
  await chat.field.fill(ask("Second", { text: "The second answer." }));
  await page.getByRole("button", { name: "Send when it is done" }).click();
  for (const it of [chat, there]) {
    await expect(waits(it)).toHaveCount(1);
    await expect(waits(it)).toContainText("Sent when the reply is done");
  }
  await expect(chat.field).toHaveValue("");
  await expect(chat.field).toBeFocused();
  await chat.reload();
  await expect(waits(chat)).toHaveCount(1);
  const looks = new Looks(page);
  await looks.at("queued");
  expect(looks.faults()).toEqual([]);
  for (const it of [chat, there]) {
    await expect(it.prose.last()).toHaveText("The second answer.");
    await expect(waits(it)).toHaveCount(0);
    await expect(it.said).toHaveCount(2);
  }
  await other.close();
});

test("point 4: what waits is taken back into the field, or sent at once after a reply that was stopped", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("First", { silence_after: 3, times: 1 }));
  await chat.shows("t0 t1 t2");
  await chat.field.fill("Not yet");
  await chat.field.press("Alt+Enter");
  await expect(waits(chat)).toHaveCount(1);
  await page.getByRole("button", { name: "Take back" }).click();
  await expect(waits(chat)).toHaveCount(0);
  await expect(chat.field).toHaveValue("Not yet");
  await chat.field.fill(ask("Later", { text: "At last." }));
  await chat.field.press("Alt+Enter");
  await expect(waits(chat)).toHaveCount(1);
  await chat.stop.click();
  await expect(waits(chat)).toContainText("this waits for you");
  await page.getByRole("button", { name: "Send now" }).click();
  await chat.shows("At last.");
  await expect(waits(chat)).toHaveCount(0);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("point 4: a message waits, and is taken back", async ({ chat, page }) => {
    await page.goto("/");
    await chat.field.fill(ask("First", { silence_after: 3, times: 1 }));
    await chat.send.click();
    await chat.showsSome();
    await chat.field.fill("Second");
    await page.getByRole("button", { name: "Send when it is done" }).click();
    await expect(waits(chat)).toContainText("Second");
    await page.getByRole("button", { name: "Take back" }).click();
    await expect(waits(chat)).toHaveCount(0);
    await chat.stop.click();
  });
});
