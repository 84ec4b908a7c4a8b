// What every build has to do, whichever command made it: scripts/ecosystem runs this after each.

import { Chat, expect, test } from "./helpers";

/** The address of a server that runs already, such as that of `cargo leptos watch`. */
const RUNNING = process.env.RIVULET_RUNNING;

test("the page of any build comes alive, streams and survives a reload", async ({ serve, page, noise }) => {
  // What cargo-leptos' script says about its own socket when the page goes.
  if (RUNNING) noise.expect(/^Live-reload disconnected|\/live_reload/);
  const url = RUNNING || (await serve({})).url;
  const chat = new Chat(page);
  await chat.open(url);
  await chat.say("What is this?");
  const first = await chat.showsSome(50);
  await expect(chat.stop).toBeVisible();
  await chat.reload();
  await expect(chat.stop).toBeVisible();
  const later = await chat.showsSome(first.length + 100);
  expect(later.slice(0, 50)).toBe(first.slice(0, 50));
  await chat.stop.click();
  await expect(chat.ending(/Stopped/)).toBeVisible();
  await chat.reload();
  await expect(chat.said).toContainText("What is this?");
  expect((await chat.text()).slice(0, 50)).toBe(first.slice(0, 50));
});
