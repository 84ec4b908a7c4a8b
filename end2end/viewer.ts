// A program that follows a conversation by Server-Sent Events, as the standard's EventSource does: it comes back when the
// stream ends, after the time that it was told, with the last id that it saw, and gives up at any answer but 200.

import { setTimeout as wait } from "node:timers/promises";
import { ask } from "./helpers";
import type { Script } from "./processes";

export interface Event {
  type: string;
  id: string;
  data: Record<string, any>;
  /** When it arrived, in milliseconds. */
  at: number;
}

/** Requests the stream. None: the connection broke before the answer's head arrived. */
export type Ask = (url: string, headers: Record<string, string>, signal: AbortSignal) => Promise<Answer | undefined>;

interface Answer {
  status: number;
  body: AsyncIterable<Uint8Array>;
}

const usual: Ask = async (url, headers, signal) => {
  const answer = await fetch(url, { headers, signal }).catch(lost);
  return answer && { status: answer.status, body: answer.body as unknown as AsyncIterable<Uint8Array> };
};

const TERMINAL = ["done", "stopped", "interrupted", "error"];
/** Until the stream says otherwise. */
const RETRY_MS = 500;

/** A new guest with one conversation. */
export class Viewer {
  readonly events: Event[] = [];
  /** How often it connected. */
  connections = 0;
  private retry = RETRY_MS;
  private readonly leave = new AbortController();

  private constructor(
    private readonly url: string,
    private readonly cookie: string,
    private readonly conversation: string,
    private readonly ask = usual,
  ) {}

  static async of(url: string): Promise<Viewer> {
    const page = await fetch(url);
    await page.text();
    const cookie = page.headers.getSetCookie()[0].split(";")[0];
    const made = await new Viewer(url, cookie, "").call("/conversations", {});
    return new Viewer(url, cookie, (await made.json()).id);
  }

  /** Another viewer of the same conversation, whose streams come another way. */
  beside(url: string, ask: Ask): Viewer {
    return new Viewer(url, this.cookie, this.conversation, ask);
  }

  async send(script: Script): Promise<void> {
    await this.call(`/conversations/${this.conversation}/messages`, { content: ask("Go", script) });
  }

  /** Follows until this many replies have ended, through as many connections as it takes. */
  async follow(replies: number): Promise<void> {
    const ended = () => this.events.filter((event) => TERMINAL.includes(event.type)).length;
    while (ended() < replies) {
      if (this.connections > 0) await wait(this.retry);
      this.connections += 1;
      const id = this.events.at(-1)?.id;
      const headers: Record<string, string> = { cookie: this.cookie, accept: "text/event-stream" };
      if (id) headers["last-event-id"] = id;
      const path = `${this.url}/api/v1/conversations/${this.conversation}/events`;
      const answer = await this.ask(path, headers, this.leave.signal);
      if (!answer) continue;
      if (answer.status !== 200) throw new Error(`The stream was answered with ${answer.status}`);
      await this.read(answer.body, () => ended() >= replies);
    }
    this.leave.abort();
  }

  /** The text of all tokens, in the order in which they came. */
  get text(): string {
    return this.tokens.map((event) => event.data.text).join("");
  }

  get tokens(): Event[] {
    return this.events.filter((event) => event.type === "token");
  }

  /** Pairs of events between which something is missing or comes again. */
  get gaps(): [Event, Event][] {
    const follows = (one: Event, next: Event) => {
      const [[epoch, seq], [nextEpoch, nextSeq]] = [one.id.split(":"), next.id.split(":")];
      return epoch === nextEpoch && Number(next.data.first ?? nextSeq) === Number(seq) + 1;
    };
    const told = this.events.filter((event) => event.type !== "resumed");
    return told.slice(1).flatMap((next, index): [Event, Event][] => {
      return next.type === "snapshot" || follows(told[index], next) ? [] : [[told[index], next]];
    });
  }

  private async read(body: AsyncIterable<Uint8Array>, enough: () => boolean): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) {
        const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
        rest = parts.pop() ?? "";
        for (const part of parts) this.take(part);
        if (enough()) return;
      }
    } catch (error) {
      lost(error);
    }
  }

  private take(part: string): void {
    const field = (name: string) => part.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    this.retry = Number(field("retry") ?? this.retry);
    const data = field("data");
    if (data) this.events.push({ type: field("event") ?? "", id: field("id") ?? "", data: JSON.parse(data), at: Date.now() });
  }

  private async call(path: string, body: object): Promise<Response> {
    const headers = { cookie: this.cookie, "content-type": "application/json" };
    const answer = await fetch(`${this.url}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${await answer.text()}`);
    return answer;
  }
}

/** A connection that broke is no error for it; anything else is. */
function lost(error: unknown): undefined {
  if (error instanceof TypeError) return undefined;
  throw error;
}
