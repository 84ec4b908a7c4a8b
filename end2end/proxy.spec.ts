// Behind a proxy: tokens arrive as they are made, cuts are not seen, and neither is a new version.

import { CUT, Chat, type Script, ask, expect, providers, test as base } from "./helpers";
import { Http2 } from "./http2";
import { Nginx, encrypted, freeAddress, hasNginx, recommended, usual } from "./nginx";
import type { Rivulet, Settings } from "./processes";
import { recording } from "./recorder";
import { Viewer } from "./viewer";

/** Two seconds of writing. */
const SHORT: Script = { pieces: 100, gap_ms: 20 };
/** Eight. */
const LONG: Script = { pieces: 400, gap_ms: 20 };
const PARTS = 10;
/** More than a hundred, and fewer than nginx allows on one connection (128). */
const STREAMS = 110;

const test = base.extend<{ nginx: (site: Parameters<typeof Nginx.start>[0]) => Promise<Nginx> }>({
  nginx: async ({}, use) => {
    const running: Nginx[] = [];
    await use(async (site) => {
      running.push(await Nginx.start(site));
      return running[running.length - 1];
    });
    for (const nginx of running) await nginx.end();
  },
  // Named first, so that it goes last (see the helpers).
  context: async ({ nginx: _nginx, context }, use) => use(context),
  browse: async ({ nginx: _nginx, browse }, use) => use(browse),
});

/** Something arrived in every tenth part of the time that the reply took: nothing was held back and then let go. */
function expectSpread(times: number[], script: Script): void {
  const [first, whole] = [times[0], Number(script.pieces) * Number(script.gap_ms)];
  const parts = new Set(times.map((time) => Math.floor(((time - first) / whole) * PARTS)));
  for (let part = 0; part < PARTS - 1; part += 1) expect([...parts], `Arrivals in part ${part}`).toContain(part);
}

/** It was told where it stands, so it will be told everything from here on. */
async function expectThere(viewer: Viewer): Promise<void> {
  await expect.poll(() => viewer.events.map((event) => event.type)).toEqual(["snapshot"]);
}

/** Rivulet behind nginx, both with HTTPS as deploy/nginx.conf has it; `direct` is the way past nginx. */
async function behind(
  nginx: (site: Parameters<typeof Nginx.start>[0]) => Promise<Nginx>,
  serve: (settings: Settings) => Promise<Rivulet>,
  settings: Settings,
): Promise<{ proxy: Nginx; direct: string }> {
  const [here, nobody] = [await freeAddress(), await freeAddress()];
  const proxy = await nginx(await encrypted(here, nobody));
  const limits = { RIVULET_STREAMS: String(2 * STREAMS) };
  const server = await serve({ ...settings, ...limits, RIVULET_LISTEN: here, RIVULET_PUBLIC_URL: proxy.url });
  return { proxy, direct: server.url };
}

for (const [name, site] of [
  ["as it comes", async (to: string) => usual(to)],
  ["as deploy/nginx.conf sets it up", async (to: string) => recommended(new URL(to).host, await freeAddress())],
] as const) {
  test.describe(`nginx ${name}`, () => {
    test.skip(!hasNginx, "nginx is not installed");

    test("passes events on as they are made (F31)", async ({ nginx, server, upstream }) => {
      const viewer = await Viewer.of((await nginx(await site(server.url))).url);
      const following = viewer.follow(1);
      await expectThere(viewer);
      await viewer.send(SHORT);
      await following;
      expect(viewer.text).toBe(await upstream.text(SHORT));
      expect(viewer.gaps).toEqual([]);
      expect(viewer.connections).toBe(1);
      expectSpread(viewer.tokens.map((token) => token.at), SHORT);
    });

    test("lets a page grow as the model writes (F31)", async ({ nginx, page, server, upstream }) => {
      const chat = new Chat(page);
      await chat.open((await nginx(await site(server.url))).url);
      await chat.say(ask("Go", SHORT));
      await chat.shows(await upstream.text(SHORT));
      await chat.ended();
      const { faults, moments } = await recording(page);
      expect(faults).toEqual([]);
      expectSpread(moments.map(([, at]) => at), SHORT);
    });
  });
}

/** Longer in silence than nginx waits for a server that says nothing (60 s). */
const SILENT: Script = { silent_ms: 65_000, thinking: 3, thinking_ms: 1_000, text: "The answer." };
/** How far the page's seconds may be from the clock's: it draws them once a second, and began between two. */
const OFF = 2;

test("a model that thinks in silence for over a minute is shown truthfully, directly and behind nginx", async ({
  browse, nginx, page, server,
}) => {
  test.skip(!hasNginx, "nginx is not installed");
  test.setTimeout(120_000);
  const direct = new Chat(page);
  await direct.open(server.url);
  await direct.say(ask("Think", SILENT));
  await expect(direct.status).toHaveText("Thinking…");
  const began = Date.now();
  const { url } = await nginx(usual(server.url));
  const context = await browse({ storageState: await page.context().storageState() });
  const behind = new Chat(await context.newPage());
  await behind.open(new URL(new URL(page.url()).pathname, url).href);
  const pages = [direct, behind];
  const told = async (chat: Chat): Promise<number> => {
    const words = await chat.replied.last().locator(".thinking:visible").innerText();
    return Number(words.match(/^Thinking for (\d+) s$/)?.[1] ?? -1);
  };
  for (let second = 5; second < 60; second += 5) {
    for (const chat of pages) {
      await expect.poll(() => told(chat), { timeout: 20_000 }).toBeGreaterThanOrEqual(second);
      expect(await told(chat)).toBeLessThanOrEqual((Date.now() - began) / 1_000 + OFF);
      await expect(chat.status).toHaveText("Thinking…");
    }
  }
  for (const chat of pages) {
    await chat.shows("The answer.");
    await expect(chat.replied.last().locator("summary")).toHaveText(/^Thought for 1 min [5-9] s$/);
    expect((await recording(chat.page)).faults).toEqual([]);
  }
});

test("a proxy that cuts every stream after a second and a half is not noticed (F32)", async ({ line, noise, page, upstream }) => {
  noise.expect(CUT);
  const [viewer, chat] = [await Viewer.of(line.url), new Chat(page)];
  await chat.open(line.url);
  const following = viewer.follow(1);
  await expectThere(viewer);
  await Promise.all([viewer.send(LONG), chat.say(ask("Go", LONG))]);
  await chat.showsSome(1);
  const cutting = setInterval(() => {
    line.cut();
    line.mend();
  }, 1_500);
  await chat.shows(await upstream.text(LONG), 25_000);
  await following;
  clearInterval(cutting);
  await chat.ended();
  expect((await recording(page)).faults).toEqual([]);
  expect(viewer.connections).toBeGreaterThan(2);
  expect(viewer.text).toBe(await upstream.text(LONG));
  expect(viewer.gaps).toEqual([]);
});

test("while the old version still writes, the new one takes what is new (F15)", async ({
  nginx, noise, page, serve, upstream,
}) => {
  test.skip(!hasNginx, "nginx is not installed");
  noise.expect(CUT);
  const [old, next] = [await freeAddress(), await freeAddress()];
  const server = await serve({ ...providers(upstream), RIVULET_LISTEN: old });
  const { url } = await nginx(await recommended(old, next));
  const chat = new Chat(page);
  await chat.open(url);
  await chat.say(ask("Go", LONG));
  await chat.showsSome(100);
  await server.startBeside({ RIVULET_LISTEN: next });
  const ended = server.kill("SIGTERM");

  // The next message ends the reply that the old one is still writing.
  await chat.say(ask("Never mind", SHORT));
  await expect(chat.replied).toHaveCount(2);
  await chat.shows(await upstream.text(SHORT));
  await chat.ended();
  expect(await ended).toBe(0);
});

test("a new version behind nginx is not noticed (F15)", async ({ nginx, noise, page, serve, upstream }) => {
  test.skip(!hasNginx, "nginx is not installed");
  noise.expect(CUT);
  const [old, next] = [await freeAddress(), await freeAddress()];
  const server = await serve({ ...providers(upstream), RIVULET_LISTEN: old });
  const { url } = await nginx(await recommended(old, next));
  const [viewer, chat] = [await Viewer.of(url), new Chat(page)];
  await chat.open(url);
  const following = viewer.follow(2);
  await expectThere(viewer);
  await Promise.all([viewer.send(SHORT), chat.say(ask("Go", SHORT))]);
  await chat.showsSome(100);

  // The next process is there before the old one is told to go; the replies have the drain time to end in.
  await server.startBeside({ RIVULET_LISTEN: next });
  expect(await server.kill("SIGTERM")).toBe(0);

  const text = await upstream.text(SHORT);
  await chat.shows(text);
  await expect.poll(() => viewer.connections, { timeout: 15_000 }).toBe(2);
  expect(server.log).not.toContain("marked as interrupted");
  await viewer.send(SHORT);
  await following;
  expect(viewer.events.filter((event) => ["interrupted", "error"].includes(event.type))).toEqual([]);
  expect(viewer.text).toBe(text + text);
  expect(viewer.gaps).toEqual([]);

  await chat.ended();
  await chat.say(ask("And again", SHORT));
  await expect(chat.replied).toHaveCount(2);
  await chat.shows(text);
  await chat.ended();
  expect((await recording(page)).faults).toEqual([]);
});

test.describe("HTTP/2", () => {
  test.skip(!hasNginx, "nginx is not installed");
  test.use({ ignoreHTTPSErrors: true });

  test("a hundred streams over one connection do not hold each other up (F34)", async ({ nginx, serve, upstream }) => {
    const { proxy, direct } = await behind(nginx, serve, providers(upstream));
    const [http2, owner] = [new Http2(proxy.url), await Viewer.of(direct)];
    const viewers = Array.from({ length: STREAMS }, () => owner.beside(proxy.url, http2.ask));
    const following = viewers.map((viewer) => viewer.follow(1));
    for (const viewer of viewers) await expectThere(viewer);
    await owner.send(SHORT);
    await Promise.all(following);
    expect(http2.connections).toBe(1);
    const text = await upstream.text(SHORT);
    for (const viewer of viewers) {
      expect(viewer.text).toBe(text);
      expect(viewer.gaps).toEqual([]);
      expectSpread(viewer.tokens.map((token) => token.at), SHORT);
    }
    http2.end();
  });

  test("nginx's sending all streams away is not noticed (F34)", async ({ nginx, noise, page, serve, upstream }) => {
    noise.expect(CUT);
    const { proxy, direct } = await behind(nginx, serve, providers(upstream));
    const [http2, owner, chat] = [new Http2(proxy.url), await Viewer.of(direct), new Chat(page)];
    await chat.open(proxy.url);
    expect(await page.evaluate(() => (performance.getEntriesByType("navigation")[0] as any).nextHopProtocol)).toBe("h2");
    const viewers = Array.from({ length: STREAMS }, () => owner.beside(proxy.url, http2.ask));
    const following = viewers.map((viewer) => viewer.follow(1));
    for (const viewer of viewers) await expectThere(viewer);
    await Promise.all([owner.send(LONG), chat.say(ask("Go", LONG))]);
    await chat.showsSome(100);
    proxy.reload();

    const text = await upstream.text(LONG);
    await Promise.all(following);
    await chat.shows(text);
    await chat.ended();
    expect(http2.goaways).toBe(1);
    for (const viewer of viewers) {
      expect(viewer.connections).toBe(2);
      expect(viewer.text).toBe(text);
      expect(viewer.gaps).toEqual([]);
    }
    expect((await recording(page)).faults).toEqual([]);
    http2.end();
  });
});
