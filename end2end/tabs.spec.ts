// One account in many places at the same time: tabs, browsers, and more tabs than a browser has connections.

import { Chat, ask, expect, test } from "./helpers";
import { type Moment, recording } from "./recorder";

/** The delay below which an update seems immediate. */
const AT_ONCE_MS = 250;

/** When the reply had at least this length. */
const reached = (moments: Moment[], length: number): number => moments.find(([shown]) => length <= shown)?.[1] ?? Infinity;

test("what is said in one tab appears in another and in another browser at once, and their lists follow", async ({
  browse,
  chat,
  context,
  upstream,
}) => {
  await chat.open();
  await chat.say(ask("The older matter", { pieces: 3 }));
  await chat.ended();
  await chat.sidebar.getByRole("link", { name: "New conversation" }).click();
  await expect(chat.heading).toHaveText("Where shall we begin?");

  const second = new Chat(await context.newPage());
  const other = new Chat(await (await browse({ storageState: await context.storageState() })).newPage());
  const everywhere = [chat, second, other];
  await second.open();
  await other.open();
  for (const { titles } of everywhere) await expect(titles).toHaveText(["The older matter"]);

  await second.say(ask("The newer matter", { pieces: 3 }));
  for (const { titles } of everywhere) await expect(titles).toHaveText(["The newer matter", "The older matter"]);

  for (const { page, titles } of everywhere) {
    await page.bringToFront();
    await titles.filter({ hasText: "older" }).click();
  }
  for (const { heading, prose } of everywhere) {
    await expect(heading).toHaveText("The older matter");
    await expect(prose).toHaveText("t0 t1 t2");
  }
  const script = { pieces: 150, multibyte: true, gap_ms: 20 };
  await chat.say(ask("Say it to all", script));
  for (const { said, titles } of everywhere) {
    await expect(said).toHaveCount(2);
    await expect(said.last()).toContainText("Say it to all");
    await expect(titles).toHaveText(["The older matter", "The newer matter"]);
  }
  const text = await upstream.text(script);
  for (const place of everywhere) await place.shows(text);

  const recordings = await Promise.all(everywhere.map(({ page }) => recording(page)));
  expect(recordings.flatMap(({ faults }) => faults)).toEqual([]);
  const grown = recordings.map(({ moments }) => moments);
  const lengths = grown[0].map(([length]) => length);
  const apart = lengths.map((length) => {
    const times = grown.map((moments) => reached(moments, length));
    return Math.max(...times) - Math.min(...times);
  });
  console.log(`Tokens were shown at most ${Math.round(Math.max(...apart))} ms apart in three places`);
  // A page that is behind another is drawn less often.
  expect(lengths.length).toBeGreaterThan(10);
  expect(Math.max(...apart)).toBeLessThan(AT_ONCE_MS);
});

test("ten tabs of one browser stay live, and an eleventh loads", async ({ chat, context, upstream }) => {
  await chat.open();
  await chat.say(ask("First", { pieces: 3 }));
  await chat.ended();
  const tabs = [chat];
  while (tabs.length < 10) {
    const tab = new Chat(await context.newPage());
    await tab.open(chat.page.url());
    tabs.push(tab);
  }
  const script = { pieces: 100, gap_ms: 10 };
  await chat.say(ask("To ten tabs", script));
  const text = await upstream.text(script);
  for (const tab of tabs) {
    await tab.shows(text, 5000);
    await expect(tab.said).toHaveCount(2);
    expect(await tab.page.evaluate(() => document.visibilityState)).toBe("visible");
  }
  const eleventh = new Chat(await context.newPage());
  await eleventh.open(chat.page.url());
  await eleventh.shows(text);
  await eleventh.say(ask("From the eleventh", { text: "heard" }));
  await eleventh.shows("heard");
  await chat.shows("heard", 5000);
});

test("pages that are drawn at the same moment show nothing of another account", async ({ server }) => {
  const open = async (number: number) => {
    const cookie = (await fetch(server.url)).headers.getSetCookie()[0].split(";")[0];
    const headers = { cookie, "content-type": "application/json" };
    const { id } = await (await fetch(`${server.url}/api/v1/conversations`, { method: "POST", headers, body: "{}" })).json();
    const title = `The secret of ${number}`;
    await fetch(`${server.url}/api/v1/conversations/${id}`, { method: "PATCH", headers, body: JSON.stringify({ title }) });
    return { headers, title, address: `${server.url}/c/${id}` };
  };
  const accounts = await Promise.all([1, 2, 3, 4, 5, 6].map(open));
  const look = async ({ headers, title, address }: (typeof accounts)[number]) => {
    const page = await fetch(address, { headers });
    const secrets = new Set((await page.text()).match(/The secret of \d/g));
    return `${page.status}: ${[...secrets]}` === `200: ${title}`;
  };
  for (let round = 0; round < 50; round += 1) {
    expect(await Promise.all(accounts.map(look))).toEqual(accounts.map(() => true));
  }
});
