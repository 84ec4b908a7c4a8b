// The programs under test: Rivulet, and the scriptable model API (examples/upstream) in the place of a
// provider. The test that starts a process ends it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(__dirname, "..");
const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR || "target");
const BUILDS = ["release", "debug"].map((profile) => join(TARGET, profile, "rivulet"));
/** Where a program without its site in it finds that. */
const SITE = join(ROOT, "target/site");

/** What `make build` makes, with the site in it and the browser's code in two files: scripts/end2end names it. */
export const PACKAGED = process.env.RIVULET_PROGRAM || undefined;

/** The program to test: that which is named, or else the newest build. */
export function findProgram(): string | undefined {
  const built = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newest = BUILDS.filter(built).sort((one, other) => built(other) - built(one));
  return PACKAGED ?? newest[0];
}

const START_LIMIT_MS = 10_000;

/** Settings by their names in the environment. */
export type Settings = Record<string, string>;

/** A running program, which has said where it listens. */
export class Program {
  output = "";
  url = "";

  private constructor(private readonly child: ChildProcess) {}

  /** `announcement` finds the address in what the program prints. */
  static async start(path: string, settings: Settings, announcement: RegExp, flags: string[] = []): Promise<Program> {
    // No other variables: a key in the developer's environment would change the test.
    const env = { PATH: process.env.PATH ?? "", NO_COLOR: "1", ...settings };
    const program = new Program(spawn(resolve(ROOT, path), flags, { env, stdio: ["ignore", "pipe", "pipe"] }));
    await program.announced(path, announcement);
    return program;
  }

  private announced(path: string, announcement: RegExp): Promise<void> {
    return new Promise((done, failed) => {
      const fail = (why: string) => failed(new Error(`${path} ${why}. It printed:\n${this.output}`));
      const limit = setTimeout(() => fail("did not say where it listens"), START_LIMIT_MS);
      const heard = (bytes: Buffer) => {
        this.output += bytes.toString();
        const found = announcement.exec(this.output);
        if (found && !this.url) {
          this.url = found[1];
          clearTimeout(limit);
          done();
        }
      };
      this.child.stdout?.on("data", heard);
      this.child.stderr?.on("data", heard);
      this.child.on("error", (error) => fail(error.message));
      this.child.on("exit", (code) => fail(`ended with code ${code}`));
    });
  }

  tell(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends the signal and waits for the end. The exit code; null where the signal itself ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  }
}

/** A Rivulet with a data folder of its own, which outlives kills and starts. */
export class Rivulet {
  private program?: Program;
  private old?: Program;
  private former = "";

  private constructor(
    private readonly folder: string,
    private settings: Settings,
  ) {}

  static async start(settings: Settings): Promise<Rivulet> {
    const folder = await mkdtemp(join(tmpdir(), "rivulet-end2end-"));
    const rivulet = new Rivulet(folder, {
      LEPTOS_SITE_ROOT: SITE,
      RIVULET_LISTEN: "127.0.0.1:0",
      DATABASE_URL: `sqlite:${join(folder, "rivulet.db")}`,
      RIVULET_SENDS_PER_MINUTE: "10000",
      RIVULET_WRITES_PER_MINUTE: "60000",
      RIVULET_OPEN_REPLIES: "100",
      RIVULET_STREAMS: "100",
      RIVULET_DRAIN_SECONDS: "5",
      ...settings,
    });
    await rivulet.startAgain();
    return rivulet;
  }

  get url(): string {
    return this.program?.url ?? "";
  }

  /** What it has logged in all its lives. */
  get log(): string {
    return this.former + (this.program?.output ?? "");
  }

  /** On the same data, and at the same address unless `changed` says otherwise. */
  async startAgain(changed: Settings = {}): Promise<void> {
    this.former = this.log;
    this.settings = { ...this.settings, ...changed };
    this.program = await Program.start(findProgram() ?? BUILDS[0], this.settings, /listens on (http:\/\/[\d.:]+)/);
    this.settings = { ...this.settings, RIVULET_LISTEN: new URL(this.url).host };
  }

  /** Starts a second process on the same data; from here on `kill` ends the first, and what follows is about the second. */
  async startBeside(changed: Settings): Promise<void> {
    this.old = this.program;
    await this.startAgain(changed);
  }

  async kill(signal: NodeJS.Signals): Promise<number | null> {
    const [program, old] = [this.old ?? this.program, this.old];
    const code = (await program?.end(signal)) ?? null;
    if (old) this.former += old.output;
    this.old = undefined;
    return code;
  }

  async remove(): Promise<void> {
    await this.kill("SIGKILL");
    await this.kill("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What the model is to answer, and how it is to fail: see examples/upstream/script.rs. */
export type Script = Record<string, string | number | boolean | readonly number[]>;

/** A request that reached the model's API, and what became of it so far. */
export interface Seen {
  format: "anthropic" | "openai";
  body: { model: string; system?: string; messages: { role: string; content: string }[] };
  images: { media_type: string; length: number }[];
  pieces: number;
  text: string;
  ended: "completed" | "failed" | "cut" | "reset" | "closed_by_client" | null;
}

/** The model's API. */
export class Upstream {
  private constructor(private readonly program: Program) {}

  static async start(): Promise<Upstream> {
    return new Upstream(await Program.start(join(TARGET, "debug/examples/upstream"), {}, /listens on (http:\/\/[\d.:]+)/));
  }

  get url(): string {
    return this.program.url;
  }

  /** Every request since the last `forget`. */
  async seen(): Promise<Seen[]> {
    return (await this.call("GET", "/seen")).json();
  }

  /** The last request whose newest message holds these words. */
  async asked(words: string): Promise<Seen | undefined> {
    const holds = (request: Seen) => JSON.stringify(request.body.messages.at(-1)).includes(words);
    return (await this.seen()).filter(holds).at(-1);
  }

  /** The whole text that the script makes. */
  async text(script: Script): Promise<string> {
    return (await (await this.call("POST", "/text", script)).json()).text;
  }

  /** Answers the next request without a script of its own so. */
  async next(script: Script): Promise<void> {
    await this.call("POST", "/scripts", script);
  }

  /** Lets an answer go on that holds (`hold_after`), or the next that would. */
  async go(): Promise<void> {
    await this.call("POST", "/go");
  }

  /** Waits until the client has cut off `count` answers. */
  async closed(count: number): Promise<void> {
    await this.call("GET", `/closed/${count}`);
  }

  async forget(): Promise<void> {
    await this.call("DELETE", "/seen");
  }

  async stop(): Promise<void> {
    await this.program.end("SIGKILL");
  }

  private async call(method: string, path: string, body?: Script): Promise<Response> {
    const answer = await fetch(this.url + path, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return answer;
  }
}

/**
 * A network that can be cut. What a browser emulates under "offline" spares the streams that are open already.
 */
export class Line {
  private readonly sockets = new Set<Socket>();
  private isCut = false;

  private constructor(private readonly server = createServer()) {}

  static async start(to: string): Promise<Line> {
    const line = new Line();
    const { hostname, port } = new URL(to);
    line.server.on("connection", (near) => {
      const far = connect(Number(port), hostname);
      for (const socket of [near, far]) {
        line.sockets.add(socket);
        socket.on("error", () => socket.destroy());
        socket.on("close", () => line.sockets.delete(socket) && [near, far].forEach((it) => it.destroy()));
      }
      near.pipe(far).pipe(near);
      if (line.isCut) near.resetAndDestroy();
    });
    line.server.listen(0, "127.0.0.1");
    await once(line.server, "listening");
    return line;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.isCut = false;
  }

  async end(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, "close");
  }
}
