// Stock Pusher clients, as they come from npm: pusher-js and laravel-echo, in Node and in a browser.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Page, expect, test } from "@playwright/test";
import Pusher from "pusher-js";
import { freeAddress } from "./nginx";
import { Rivulet, type Script, Upstream } from "./processes";

const KEY = "key-of-the-test";
const EXAMPLE = resolve(__dirname, "../examples/echo");
const WORDS: Script = { pieces: 120, multibyte: true, gap_ms: 20 };
const ask = (script: Script) => `Please answer.\n@upstream ${JSON.stringify(script)}`;

let upstream: Upstream;
let rivulet: Rivulet;
let example: ChildProcess;
let page_url = "";
let cookie = "";
/** Of the same account: what runs in Node has no cookies. */
let bearer = "";

/** The program that plays Laravel: its page may connect, and it has a token of the account. */
async function startExample(token: string): Promise<void> {
  const env = { PATH: process.env.PATH ?? "", RIVULET_URL: rivulet.url, RIVULET_TOKEN: token, RIVULET_PUSHER_KEY: KEY, PORT: new URL(page_url).port };
  example = spawn(process.execPath, ["server.js"], { cwd: EXAMPLE, env, stdio: ["ignore", "pipe", "inherit"] });
  await once(example.stdout!, "data");
}

async function call(path: string, options: RequestInit = {}, as = cookie): Promise<Response> {
  return fetch(rivulet.url + path, { ...options, headers: { cookie: as, "content-type": "application/json", ...options.headers }, redirect: "manual" });
}

async function signUp(name: string): Promise<string> {
  const form = new URLSearchParams({ name, password: "a password of the test" });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const answer = await call("/sign-up", { method: "POST", body: form.toString(), headers }, "");
  const set = answer.headers.getSetCookie().find((line) => line.startsWith("rivulet=")) ?? "";
  return set.split(";")[0];
}

async function token(): Promise<string> {
  return (await (await call("/api/v1/tokens", { method: "POST", body: JSON.stringify({ name: "Echo", scope: "write" }) })).json()).token;
}

test.beforeAll(async () => {
  page_url = `http://${await freeAddress()}`;
  upstream = await Upstream.start();
  rivulet = await Rivulet.start({
    ANTHROPIC_API_KEY: "key",
    ANTHROPIC_BASE_URL: upstream.url,
    RIVULET_MODEL: "anthropic/mock",
    RIVULET_PUSHER_KEY: KEY,
    RIVULET_ALLOWED_ORIGINS: page_url,
  });
  cookie = await signUp("Ann");
  bearer = await token();
  await startExample(bearer);
});

test.afterAll(async () => {
  example?.kill();
  await rivulet?.remove();
  await upstream?.stop();
});

async function conversation(as = cookie): Promise<string> {
  return (await (await call("/api/v1/conversations", { method: "POST", body: "{}" }, as)).json()).id;
}

const send = (id: string, script: Script) =>
  call(`/api/v1/conversations/${id}/messages`, { method: "POST", body: JSON.stringify({ content: ask(script) }) });

/** pusher-js as its documentation sets it up, in Node. */
function pusher(key = KEY): Pusher {
  const { hostname, port } = new URL(rivulet.url);
  return new Pusher(key, {
    cluster: "",
    wsHost: hostname,
    wsPort: Number(port),
    forceTLS: false,
    enabledTransports: ["ws"],
    channelAuthorization: { endpoint: `${rivulet.url}/broadcasting/auth`, transport: "ajax", headers: { Authorization: `Bearer ${bearer}` } },
  });
}

const bound = (to: { bind(name: string, then: (data: any) => void): unknown }, name: string) =>
  new Promise<any>((done) => to.bind(name, done));

test("Echo in Node gets a reply as it is", async () => {
  const { default: Echo } = await import("laravel-echo");
  const { follow } = await import("../examples/echo/conversation.js");
  const id = await conversation();
  const client = pusher();
  const echo = new Echo<"reverb">({ broadcaster: "reverb", key: KEY, client });
  const held = follow(echo, id, () => {});
  await expect.poll(() => held.cursor).not.toBeNull();
  await send(id, WORDS);
  await expect.poll(() => (held.messages.at(-1) as any)?.status, { timeout: 20_000 }).toBe("done");
  expect((held.messages.at(-1) as any).text).toBe(await upstream.text(WORDS));
  echo.disconnect();
});

test("a signature with its account behind a dot goes back as it was given", async () => {
  const { default: Echo } = await import("laravel-echo");
  const auth = `${KEY}:${"0".repeat(64)}.0192f0c1-0000-7000-8000-00000000000a.s0123456789abcdef`;
  const customHandler = (_: unknown, done: (error: null, data: { auth: string; channel_data: string }) => void) =>
    done(null, { auth, channel_data: JSON.stringify({ user_id: "1" }) });
  const client = new Pusher(KEY, { cluster: "", channelAuthorization: { endpoint: "", transport: "ajax", customHandler } });
  client.disconnect();
  // As after a connection to any server.
  Object.assign(client.connection, { state: "connected", socket_id: "1.2" });
  const sent: string[][] = [];
  client.send_event = (name: string, data: any) => sent.push([name, data.channel, data.auth]) > 0;
  const echo = new Echo<"reverb">({ broadcaster: "reverb", key: KEY, client });
  client.subscribe("private-conversations.1");
  echo.private("conversations.2");
  echo.join("conversations.3");
  const channels = ["private-conversations.1", "private-conversations.2", "presence-conversations.3"];
  await expect.poll(() => sent).toEqual(channels.map((channel) => ["pusher:subscribe", channel, auth]));
});

test("z29 a page that was written for Reverb, as docs/laravel.md has it, shows a reply", async () => {
  const { default: Echo } = await import("laravel-echo");
  const documented = await readFile(resolve(__dirname, "../docs/laravel.md"), "utf8");
  const snippet = /^```js name=reverb\.js\n([^]*?)^```$/m.exec(documented)?.[1] ?? "";
  expect(snippet).toContain(".listen('.token', e => appendToken(e.token))");
  const id = await conversation();
  const echo = new Echo<"reverb">({ broadcaster: "reverb", key: KEY, client: pusher() });
  let text = "";
  const done = new Promise<void>((finish) => {
    const appendToken = (token: string) => (text += token);
    new Function("Echo", "id", "appendToken", "finish", snippet)(echo, id, appendToken, finish);
  });
  const channel = echo.private(`conversations.${id}`);
  await new Promise<void>((subscribed) => channel.subscribed(() => subscribed()));
  await send(id, WORDS);
  await done;
  expect(text).toBe(await upstream.text(WORDS));
  echo.disconnect();
});

test("the client's own error callbacks say what is wrong", async () => {
  const mine = await conversation();
  const theirs = await conversation(await signUp(`Bob${Date.now()}`));
  const client = pusher();
  expect(await bound(client.subscribe(`private-conversations.${theirs}`), "pusher:subscription_error")).toMatchObject({ type: "AuthError", status: 403 });
  client.disconnect();
  const forger = pusher();
  (forger.config as any).channelAuthorizer = (_: unknown, then: (error: null, data: unknown) => void) => then(null, { auth: `${KEY}:${"0".repeat(64)}` });
  const heard = bound(forger.connection, "error");
  expect(await bound(forger.subscribe(`private-conversations.${mine}`), "pusher:subscription_error")).toMatchObject({ type: "AuthError", status: 401 });
  expect(JSON.stringify(await heard)).toContain("4009");
  forger.disconnect();
  const unknown = pusher("nobody");
  const error = await bound(unknown.connection, "error");
  expect(JSON.stringify(error)).toContain("4001");
  await expect.poll(() => unknown.connection.state).toMatch(/disconnected|failed/);
});

const shown = (page: Page) => page.locator("li.assistant").last();

test("the example page shows a reply, in two windows at once", async ({ context, page }) => {
  await page.goto(page_url);
  await expect(page.getByRole("status")).toHaveText("connected");
  await expect(page).toHaveURL(/#/);
  const other = await context.newPage();
  await other.goto(page.url());
  const id = new URL(page.url()).hash.slice(1);
  await send(id, WORDS);
  const text = await upstream.text(WORDS);
  for (const window of [page, other]) {
    await expect(shown(window)).toHaveAttribute("data-status", "done", { timeout: 20_000 });
    expect(await shown(window).textContent()).toBe(text);
  }
});

test("a server that is stopped and started again loses nothing of what was shown", async ({ page }) => {
  await page.goto(page_url);
  await expect(page.getByRole("status")).toHaveText("connected");
  await expect(page).toHaveURL(/#/);
  const id = new URL(page.url()).hash.slice(1);
  await send(id, { pieces: 2_000, multibyte: true, gap_ms: 20 });
  // For more than a second, after which some of it is kept.
  await expect(shown(page)).toHaveText(/99 /);
  await rivulet.kill("SIGKILL");
  await expect(page.getByRole("status")).not.toHaveText("connected");
  await rivulet.startAgain();
  await expect(page.getByRole("status")).toHaveText("connected", { timeout: 60_000 });
  await expect(shown(page)).toHaveAttribute("data-status", "interrupted", { timeout: 60_000 });
  const kept = await (await call(`/api/v1/conversations/${id}`)).json();
  expect(await shown(page).textContent()).toBe(kept.messages.at(-1).text);
  await send(id, WORDS);
  await expect(shown(page)).toHaveAttribute("data-status", "done", { timeout: 20_000 });
  expect(await shown(page).textContent()).toBe(await upstream.text(WORDS));
});
