// One conversation by every way in which it can be followed, at the same moment and over lines that break: two people's pages,
// Laravel Echo, an EventSource and curl show one order and one text.

import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import type { BrowserContext } from "@playwright/test";
import Pusher from "pusher-js";
import { chances } from "./random";
import { CUT, Chat, type Script, ask, expect, providers, test } from "./helpers";
import { Line, type Rivulet } from "./processes";
import { recording } from "./recorder";

/** RIVULET_REPLIES=100 takes two minutes. */
const REPLIES = Number(process.env.RIVULET_REPLIES ?? 16);
/** Half a second of writing, and more with every reply. */
const SCRIPT: Script = { multibyte: true, gap_ms: 20 };
/** The delay below which an update seems immediate. */
const AT_ONCE_MS = 250;
/** The maximum time that a connection is down. */
const DOWN_MS = 400;
const KEY = "key-of-the-test";

/** The handler that the documentation gives to those who build upon Rivulet. */
type Folded = { messages: { id: string; text: string; status: string }[]; cursor: string | null; take(event: object): void };

/** A viewer, over a connection of its own. */
interface Place {
  name: string;
  line: Line;
  /** The replies' texts, in their order. */
  texts(): Promise<string[]>;
  /** When the last reply had all of its text. */
  complete(text: string): Promise<number>;
  end(): Promise<void>;
}

class Account {
  private constructor(
    readonly url: string,
    readonly cookie: string,
  ) {}

  static async of(url: string, name: string): Promise<Account> {
    const body = new URLSearchParams({ name, password: "a password of the test" });
    const answer = await fetch(`${url}/sign-up`, { method: "POST", body, redirect: "manual" });
    const set = answer.headers.getSetCookie().filter((line) => !/=;/.test(line));
    expect(set.length, await answer.text()).toBeGreaterThan(0);
    return new Account(url, set.map((line) => line.split(";")[0]).join("; "));
  }

  async call(path: string, body?: object): Promise<any> {
    const headers = { cookie: this.cookie, "content-type": "application/json" };
    const method = body ? "POST" : "GET";
    const answer = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    expect(answer.ok, `${path} was answered with ${answer.status}`).toBe(true);
    return answer.json();
  }

  /** Lets the browser be this account. */
  async signIn(context: BrowserContext, url: string): Promise<void> {
    const pairs = this.cookie.split("; ").map((pair) => pair.split("="));
    await context.addCookies(pairs.map(([name, value]) => ({ name, value, url })));
  }
}

async function page(name: string, context: BrowserContext, line: Line, account: Account, id: string): Promise<Place> {
  await account.signIn(context, line.url);
  const chat = new Chat(await context.newPage());
  await chat.open(`${line.url}/c/${id}`);
  return {
    name,
    line,
    texts: () => chat.prose.allTextContents(),
    complete: async (text) => {
      const { moments } = await recording(chat.page);
      return moments.find(([length]) => length === text.length)?.[1] ?? Infinity;
    },
    end: async () => expect((await recording(chat.page)).faults).toEqual([]),
  };
}

/** What programs keep: the handler, and when each reply was how long. */
class Watching {
  readonly moments = new Map<string, number>();

  private constructor(readonly folded: Folded) {}

  static async begin(): Promise<Watching> {
    const { Conversation } = await import("../examples/echo/conversation.js");
    return new Watching(new Conversation() as Folded);
  }

  take(event: object, at = Date.now()): void {
    this.folded.take(event);
    this.look(at);
  }

  look(at = Date.now()): void {
    const last = this.folded.messages.at(-1);
    if (last) this.moments.set(last.text, at);
  }

  place(name: string, line: Line, end: () => unknown): Place {
    const replies = () => this.folded.messages.filter((message: any) => message.role === "assistant");
    return {
      name,
      line,
      texts: async () => replies().map(({ text }) => text),
      complete: async (text) => this.moments.get(text) ?? Infinity,
      end: async () => void (await end()),
    };
  }
}

async function echo(line: Line, account: Account, id: string): Promise<Place> {
  const { default: Echo } = await import("laravel-echo");
  const { follow, resuming } = await import("../examples/echo/conversation.js");
  const { hostname, port } = new URL(line.url);
  const known = new Map();
  const client = new Pusher(KEY, {
    cluster: "",
    wsHost: hostname,
    wsPort: Number(port),
    forceTLS: false,
    enabledTransports: ["ws"],
    channelAuthorization: resuming(known, `${line.url}/broadcasting/auth`, { cookie: account.cookie }) as any,
  });
  const watching = await Watching.begin();
  const held = follow(new Echo<"reverb">({ broadcaster: "reverb", key: KEY, client }), id, () => {
    (watching as any).folded = held;
    watching.look();
  });
  known.set(`private-conversations.${id}`, held);
  await expect.poll(() => held.cursor).not.toBeNull();
  return watching.place("Echo", line, () => client.disconnect());
}

async function eventSource(context: BrowserContext, line: Line, account: Account, id: string): Promise<Place> {
  await account.signIn(context, line.url);
  const tab = await context.newPage();
  const watching = await Watching.begin();
  await tab.exposeFunction("told", (type: string, data: string, at: number) => watching.take({ ...JSON.parse(data), type }, at));
  await tab.goto(line.url);
  await tab.evaluate((id) => {
    const source = new EventSource(`/api/v1/conversations/${id}/events`);
    for (const type of ["snapshot", "message", "reply", "token", "done", "stopped", "interrupted", "error"]) {
      source.addEventListener(type, (event) => {
        if (event instanceof MessageEvent) (window as any).told(type, event.data, performance.timeOrigin + performance.now());
      });
    }
  }, id);
  await expect.poll(() => watching.moments.size + watching.folded.messages.length).toBeGreaterThan(0);
  return watching.place("EventSource", line, () => {});
}

/** curl, started again with the last id whenever it ends. */
async function curl(line: Line, account: Account, id: string): Promise<Place> {
  const watching = await Watching.begin();
  let [last, retry, isOver] = ["", 500, false];
  let running: ChildProcess | undefined;
  const run = async () => {
    while (!isOver) {
      const from = last ? ["-H", `Last-Event-ID: ${last}`] : [];
      const flags = ["-sSN", "--fail", "-H", `Cookie: ${account.cookie}`, ...from];
      running = spawn("curl", [...flags, `${line.url}/api/v1/conversations/${id}/events`], { stdio: ["ignore", "pipe", "ignore"] });
      running.stdout!.setEncoding("utf8");
      let rest = "";
      for await (const chunk of running.stdout!) {
        const parts = (rest + chunk).split("\n\n");
        rest = parts.pop() ?? "";
        for (const part of parts) {
          const field = (name: string) => part.split("\n").find((text) => text.startsWith(`${name}: `))?.slice(name.length + 2);
          retry = Number(field("retry") ?? retry);
          last = field("id") ?? last;
          const data = field("data");
          if (data) watching.take({ ...JSON.parse(data), type: field("event") });
        }
      }
      if (!isOver) await wait(retry);
    }
  };
  const ended = run();
  await expect.poll(() => last).not.toBe("");
  return watching.place("curl", line, () => {
    isOver = true;
    running?.kill();
    return ended;
  });
}

async function everywhere(server: Rivulet, browse: () => Promise<BrowserContext>): Promise<[Account, string, Place[]]> {
  const [ann, bob] = [await Account.of(server.url, `Ann ${process.pid}`), await Account.of(server.url, `Bob ${process.pid}`)];
  const { id } = await ann.call("/conversations", {});
  await ann.call(`/conversations/${id}/messages`, { content: ask("Begin", { text: "Begun." }) });
  await ann.call(`/conversations/${id}/sharing/people`, { name: `Bob ${process.pid}`, role: "participant" });
  const line = () => Line.start(server.url);
  return [
    ann,
    id,
    [
      await page("her page", await browse(), await line(), ann, id),
      await page("his page", await browse(), await line(), bob, id),
      await echo(await line(), bob, id),
      await eventSource(await browse(), await line(), ann, id),
      await curl(await line(), bob, id),
    ],
  ];
}

test("pages of two people, Echo, EventSource and curl show one order and one text, at once, whatever breaks", async ({
  browse,
  noise,
  serve,
  upstream,
}) => {
  test.setTimeout(60_000 + REPLIES * 10_000);
  noise.expect(CUT);
  const server = await serve({ ...providers(upstream), RIVULET_PUSHER_KEY: KEY });
  const [ann, id, places] = await everywhere(server, browse);
  const expected = ["Begun."];
  const apart: number[] = [];
  const chance = chances(3 * REPLIES);
  for (let round = 0; round < REPLIES; round += 1) {
    // No two texts are the same.
    const script = { ...SCRIPT, pieces: 25 + round };
    const text = await upstream.text(script);
    await ann.call(`/conversations/${id}/messages`, { content: ask("Go", script) });
    expected.push(text);
    // In every second reply, one viewer's connection breaks.
    const broken = round % 2 ? places[Math.floor(chance[3 * round] * places.length)] : undefined;
    if (broken) {
      await wait(chance[3 * round + 1] * 500);
      broken.line.cut();
      await wait(chance[3 * round + 2] * DOWN_MS);
      broken.line.mend();
    }
    for (const place of places) {
      await expect.poll(() => place.texts(), { timeout: 40_000, message: `${place.name}, reply ${round}` }).toEqual(expected);
    }
    if (!broken) {
      const times = await Promise.all(places.map((place) => place.complete(text)));
      apart.push(Math.max(...times) - Math.min(...times));
    }
  }
  console.log(`Replies were complete at most ${Math.round(Math.max(...apart))} ms apart in five places`);
  expect(Math.max(...apart)).toBeLessThanOrEqual(AT_ONCE_MS);
  for (const place of places) await place.end();
  for (const { line } of places) await line.end();
});
