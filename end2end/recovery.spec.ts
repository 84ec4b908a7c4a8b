// A reply is never lost: not by a reload, not with the network, not in a frozen tab, not with the server.

import type { Page } from "@playwright/test";
import { chances } from "./random";
import { CUT, Chat, type Script, ask, expect, providers, test } from "./helpers";
import { recording } from "./recorder";

/** About eight seconds of a model's writing. */
const LONG: Script = { pieces: 400, multibyte: true, gap_ms: 20 };

/** Nothing that was shown of a reply was ever taken back. */
async function onlyGrew(page: Page): Promise<void> {
  expect((await recording(page)).faults).toEqual([]);
}

/** The last reply's text in the page as the server draws it. */
async function drawnByServer(page: Page): Promise<string> {
  const html = await (await page.request.get(page.url())).text();
  return page.evaluate((html) => {
    const replies = new DOMParser().parseFromString(html, "text/html").querySelectorAll(".reply");
    return [...replies].at(-1)?.textContent ?? "";
  }, html);
}

test("a reply survives five reloads at random moments, and never gets shorter", async ({ chat, page, upstream }) => {
  const text = await upstream.text(LONG);
  const moments = chances(5).map((chance) => Math.ceil(chance * 380));
  await chat.open();
  await chat.say(ask("Reload me", LONG));
  for (const moment of moments.sort((one, other) => one - other)) {
    await expect.poll(async () => (await upstream.asked("Reload me"))?.pieces ?? 0, { intervals: [20] }).toBeGreaterThanOrEqual(moment);
    await expect(page).toHaveURL(/\/c\//);
    const before = await chat.text();
    const drawn = await drawnByServer(page);
    expect(drawn.startsWith(before)).toBe(true);
    expect(text.startsWith(drawn)).toBe(true);
    await page.reload();
    expect((await chat.text()).startsWith(drawn)).toBe(true);
    await onlyGrew(page);
  }
  await chat.shows(text);
  await chat.ended();
  await onlyGrew(page);
  expect(await upstream.seen()).toHaveLength(1);
});

for (const [way, words] of [
  ["switched off and on", /Offline/],
  ["cut and mended", /Reconnecting/],
] as const) {
  test(`a reply survives the network being ${way}, twice`, async ({ chat, context, line, noise, page, upstream }) => {
    noise.expect(CUT);
    const holds = [50, 100, 150];
    const script = { ...LONG, hold_after: holds };
    const text = await upstream.text(script);
    // The jitter's middle: by chance the pauses can be longer than the reply.
    await page.addInitScript(() => (Math.random = () => 0.5));
    await chat.open(line.url);
    await chat.say(ask("Cut me", script));
    for (const hold of [0, 1]) {
      await chat.shows(await upstream.text({ ...LONG, pieces: holds[hold] }));
      line.cut();
      // The browser, too, knows that it has no network.
      if (way === "switched off and on") await context.setOffline(true);
      await expect(chat.status).toHaveText(words);
      await upstream.go();
      await expect.poll(async () => (await upstream.asked("Cut me"))?.pieces).toBe(holds[hold + 1]);
      await onlyGrew(page);
      line.mend();
      await context.setOffline(false);
      await expect(chat.status).not.toHaveText(words, { timeout: 15_000 });
    }
    await upstream.go();
    await chat.shows(text);
    await chat.ended();
    await onlyGrew(page);
  });
}

test("a reply goes on in a tab that was frozen and is woken", async ({ chat, context, noise, page, upstream }) => {
  noise.expect(CUT);
  const text = await upstream.text(LONG);
  await chat.open();
  await chat.say(ask("Freeze me", { ...LONG, hold_after: [20, 200] }));
  await chat.shows(await upstream.text({ ...LONG, pieces: 20 }));
  const browser = await context.newCDPSession(page);
  await browser.send("Page.setWebLifecycleState", { state: "frozen" });
  await upstream.go();
  await expect.poll(async () => (await upstream.asked("Freeze me"))?.pieces).toBe(200);
  await browser.send("Page.setWebLifecycleState", { state: "active" });
  await upstream.go();
  await chat.shows(text);
  await chat.ended();
  await onlyGrew(page);
});

test("after kill -9 the page comes back by itself with what was written, and the reply can be continued or tried again", async ({
  noise,
  page,
  serve,
  upstream,
}) => {
  noise.expect(CUT);
  const server = await serve(providers(upstream));
  const chat = new Chat(page);
  await chat.open(server.url);
  await chat.say(ask("Kill me", { ...LONG, hold_after: [399] }));
  await chat.showsSome(600);
  await server.kill("SIGKILL");
  const killed = Date.now();
  await expect(chat.status).toHaveText(/Reconnecting/);
  const shown = await chat.text();
  const { moments } = await recording(page);
  const asOfASecondBefore = moments.filter(([, at]) => at < killed - 1000).at(-1)?.[0] ?? 0;
  expect(asOfASecondBefore).toBeGreaterThan(0);

  await server.startAgain();
  await expect(chat.ending(/Interrupted/)).toBeVisible({ timeout: 20_000 });
  const kept = await chat.text();
  expect(shown.startsWith(kept)).toBe(true);
  expect(kept.length).toBeGreaterThanOrEqual(asOfASecondBefore);
  await chat.reload();
  await chat.shows(kept);
  await expect(chat.ending(/Interrupted/)).toBeVisible();

  await upstream.next({ text: " and this is the rest." });
  await page.getByRole("button", { name: "Continue" }).click();
  await chat.shows(`${kept} and this is the rest.`);
  await expect(chat.replied).toHaveCount(1);
  const asked = (await upstream.seen()).at(-1)?.body.messages.map((message) => message.content);
  expect(asked?.at(-2)).toBe(kept);

  await page.getByRole("button", { name: "Retry" }).click();
  await expect.poll(() => chat.text()).not.toContain("this is the rest");
  await upstream.go();
  await chat.shows(await upstream.text(LONG));
  await expect(chat.replied).toHaveCount(1);
});

test("SIGTERM with ten open replies and their viewers ends the server in time, and keeps what there is", async ({ serve, upstream }) => {
  const server = await serve(providers(upstream));
  const cookie = (await fetch(server.url)).headers.getSetCookie()[0].split(";")[0];
  const call = (path: string, body?: object) =>
    fetch(`${server.url}/api/v1${path}`, {
      method: body ? "POST" : "GET",
      headers: { cookie, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
  const viewers: Promise<string>[] = [];
  const conversations: string[] = [];
  for (let number = 0; number < 10; number += 1) {
    const { id } = await (await call("/conversations", {})).json();
    conversations.push(id);
    expect((await call(`/conversations/${id}/messages`, { content: ask(`Wait ${number}`, { silence_after: 3 }) })).status).toBe(202);
    viewers.push((await call(`/conversations/${id}/events`)).text());
  }
  await expect.poll(async () => (await upstream.seen()).filter((request) => request.pieces === 3).length).toBe(10);

  const asked = Date.now();
  expect(await server.kill("SIGTERM")).toBe(0);
  expect(Date.now() - asked).toBeLessThan(5000);
  for (const seen of await Promise.all(viewers)) expect(seen).toContain("event: interrupted");

  await server.startAgain();
  for (const id of conversations) {
    const { messages } = await (await call(`/conversations/${id}`)).json();
    expect(messages.at(-1)).toMatchObject({ text: "t0 t1 t2", status: "interrupted" });
  }
});
