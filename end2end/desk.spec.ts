// The desk: a visitor on a phone, agents in the inbox, and one conversation between them.

import type { Page } from "@playwright/test";
import { Looks } from "./a11y";
import { Desk, Inbox, PHONE, Visitor, asking, transcript } from "./desk";
import { CUT, expect, providers, test } from "./helpers";

const SLOW = { pieces: 400, gap_ms: 40 };

test("a visitor asks, a person takes over in mid-sentence and hands back, and a colleague sees all of it, also over a kill", async ({ browse, noise, serve, upstream }) => {
  test.setTimeout(120_000);
  noise.expect(CUT);
  const desk = await Desk.start(await serve(providers(upstream)), browse);
  const watching = new Inbox(await desk.hire("Bea"));
  const inbox = new Inbox(desk.admin);
  await inbox.open(desk.at("/inbox"));
  // The colleague is at another process on the same data.
  const host = new URL(desk.url).host;
  await desk.server.startBeside({ RIVULET_LISTEN: "127.0.0.1:0" });
  await watching.open(`${desk.server.url}/inbox?queue=open`);
  await expect(inbox.thread).toContainText("What visitors write is shown here.");

  const visitor = await desk.visitor();
  await expect(visitor.page.getByText("You are talking to an AI.")).toBeVisible();
  await visitor.say(asking("Where is my order?", { text: "It is **on its way**." }));
  await expect(visitor.said.last().locator("strong")).toHaveText("on its way");
  await visitor.say(asking("And when does it come?", SLOW));
  await expect(visitor.said.last()).toContainText("t10 ");
  await visitor.page.getByRole("button", { name: "Talk to a person" }).click();
  await expect(visitor.who).toHaveText("waiting for a person");

  // In an open inbox, without anything pressed.
  await expect(inbox.rows).toHaveCount(1, { timeout: 6_000 });
  await expect(inbox.rows.first()).toContainText("Waits");
  await expect(desk.admin).toHaveTitle("(1) Inbox");
  await inbox.rows.first().getByRole("link").click();
  await expect(inbox.said.last()).toContainText("t20 ");
  await watching.rows.first().getByRole("link").click();
  await expect(watching.said.last()).toContainText("t20 ");
  expect(new URL(watching.page.url()).host).not.toBe(host);

  await inbox.field.fill("I am looking at it. It comes **tomorrow**.");
  await expect(inbox.button("Take over and answer")).toBeVisible();
  await inbox.field.press("Enter");
  await expect(inbox.who).toHaveText("You have it");
  await expect(visitor.who).toHaveText("Root is answering");
  await expect(visitor.said.last().locator("strong")).toHaveText("tomorrow");
  await expect(watching.who).toHaveText("Root has it");
  await expect(watching.said.last().locator("strong")).toHaveText("tomorrow");
  await expect(watching.thread).toContainText("Root took over");
  await expect(visitor.said.nth(3)).not.toContainText("t399");

  await desk.server.kill("SIGKILL");
  await expect(visitor.page.locator("#broken")).toHaveText(/connection is lost/);
  await desk.server.startBeside({ RIVULET_LISTEN: host });
  await expect(visitor.page.locator("#broken")).toBeHidden({ timeout: 20_000 });
  await visitor.say("Thank you. And where from?");
  await expect(inbox.said.last()).toContainText("where from", { timeout: 20_000 });
  await upstream.next({ text: "From Lofoten, and it comes tomorrow." });
  await inbox.button("Hand back").click();
  await expect(inbox.who).toHaveText("The assistant answers");
  await expect(visitor.said.last()).toContainText("From Lofoten");
  const asked = JSON.stringify((await upstream.seen()).at(-1)?.body.messages);
  expect(asked).toContain("It comes **tomorrow**");
  expect(asked).toContain("keep what was promised there");
  // Her process hears of a reply of another one on the same file while that is open, and this one was short.
  await watching.page.reload();
  await expect(watching.said.last()).toContainText("From Lofoten");
  const all = await transcript(visitor.page);
  expect(all).toHaveLength(7);
  await expect.poll(() => transcript(inbox.page)).toEqual(all);
  await expect.poll(() => transcript(watching.page)).toEqual(all);
});

test("no row moves under the pointer or the focus, and what is typed outlives another conversation and a colleague's answer", async ({ browse, noise, serve, upstream }) => {
  noise.expect(/409 \(Conflict\)/);
  const desk = await Desk.start(await serve(providers(upstream)), browse, { answered_by: "agents" });
  const inbox = new Inbox(desk.admin);
  await inbox.open(desk.at("/inbox"));
  await expect(inbox.thread).toContainText("What visitors write is shown here.");
  const first = await desk.visitor();
  await first.say("I am first");
  await expect(inbox.rows).toHaveCount(1);
  await inbox.rows.first().hover();
  const second = await desk.visitor();
  await second.say("I am second");
  await expect(inbox.page.getByRole("button", { name: "1 new" })).toBeVisible();
  await expect(inbox.rows).toHaveCount(1);
  await inbox.page.getByRole("button", { name: "1 new" }).click();
  await expect(inbox.rows).toHaveCount(2);
  await inbox.page.mouse.move(900, 400);

  await inbox.rows.filter({ hasText: "I am first" }).getByRole("link").click();
  await inbox.field.fill("Half an ans");
  await inbox.rows.filter({ hasText: "I am second" }).getByRole("link").click();
  await expect(inbox.said).toContainText(["I am second"]);
  await expect(inbox.field).toHaveValue("");
  await inbox.rows.filter({ hasText: "I am first" }).getByRole("link").click();
  await expect(inbox.field).toHaveValue("Half an ans");
  await inbox.page.reload();
  await expect(inbox.field).toHaveValue("Half an ans");

  // A colleague is quicker: it is said, the answer is shown with the name, and the text is still there.
  const bea = new Inbox(await desk.hire("Bea"));
  const expected = await inbox.thread.getAttribute("data-expect");
  await inbox.page.route("**/events", (route) => route.abort());
  await bea.open(inbox.page.url());
  await bea.field.fill("I have it");
  await bea.field.press("Enter");
  await expect(bea.who).toHaveText("You have it");
  await inbox.thread.evaluate((thread, expected) => thread.setAttribute("data-expect", expected ?? ""), expected);
  await inbox.field.fill("Half an answer");
  await inbox.field.press("Enter");
  await expect(inbox.page.getByRole("alert")).toContainText("A colleague has answered");
  await expect(inbox.field).toHaveValue("Half an answer");
  await expect(inbox.said.last()).toContainText(/Bea.*I have it/s);
  await inbox.button("Send anyway").click();
  await expect(inbox.field).toHaveValue("");
  await expect(first.said.last()).toContainText("Half an answer");
});

test("everything in the inbox goes by keyboard", async ({ browse, serve, upstream }) => {
  const desk = await Desk.start(await serve(providers(upstream)), browse, { answered_by: "agents" });
  for (const words of ["One", "Two", "Three"]) await (await desk.visitor()).say(words);
  const inbox = new Inbox(desk.admin);
  await inbox.open(desk.at("/inbox"));
  const { keyboard } = inbox.page;
  await keyboard.press("j");
  await expect(inbox.rows.first().getByRole("link")).toBeFocused();
  await keyboard.press("j");
  await keyboard.press("Enter");
  await expect(inbox.said).toContainText(["Two"]);
  await keyboard.press("t");
  await expect(inbox.who).toHaveText("You have it");
  await keyboard.press("/");
  await expect(inbox.field).toBeFocused();
  await keyboard.type("Good day, jkthe?");
  await keyboard.press("Enter");
  await expect(inbox.said.last()).toContainText("Good day, jkthe?");
  await keyboard.press("Escape");
  await keyboard.press("e");
  await expect(inbox.page.getByRole("dialog")).toContainText("Close this conversation?");
  await keyboard.press("Enter");
  await expect(inbox.who).toHaveText("Closed");
  await keyboard.press("?");
  await expect(inbox.page.getByRole("dialog", { name: "Keys" })).toContainText("Take over");
  await inbox.page.getByLabel("Single letters do this").uncheck();
  await keyboard.press("Escape");
  await keyboard.press("t");
  await keyboard.press("Escape");
  await expect(inbox.thread).toContainText("Choose a conversation.");
});

test("the pages of the desk in four looks", async ({ browse, serve, upstream }) => {
  test.setTimeout(180_000);
  const desk = await Desk.start(await serve(providers(upstream)), browse);
  const visitor = await desk.visitor();
  const [seen, site] = [new Looks(visitor.page), new Looks(desk.admin)];
  await seen.at("visitor-begin");
  await visitor.say(asking("What do you sell, and what does it cost?", { markdown: true }));
  await expect(visitor.page.locator("#log article[data-open]")).toHaveCount(0);
  await visitor.page.getByRole("button", { name: "Talk to a person" }).click();
  await expect(visitor.who).toHaveText("waiting for a person");
  await seen.at("visitor-waiting");
  for (const words of ["Is there a discount for students?", "Wo ist meine Bestellung 4711, sie sollte gestern kommen?", "مرحبا، أين طلبي؟"]) {
    await (await desk.visitor()).say(asking(words, { text: "That depends. Tell me more about it, so that I can look it up for you." }));
  }
  const inbox = new Inbox(desk.admin);
  await inbox.open(desk.at("/inbox?queue=closed"));
  await site.at("inbox-empty");
  await inbox.open(desk.at("/inbox?queue=open"));
  await expect(inbox.rows).toHaveCount(4);
  await site.at("inbox-list");
  await inbox.rows.filter({ hasText: "Waits" }).getByRole("link").click();
  await expect(inbox.said).toHaveCount(2);
  await inbox.field.fill("I look it up.");
  await inbox.field.press("Enter");
  await expect(inbox.who).toHaveText("You have it");
  await site.at("inbox-thread");
  await inbox.page.keyboard.press("Escape");
  await inbox.page.keyboard.press("?");
  await site.at("inbox-keys");
  await inbox.page.keyboard.press("Escape");
  await seen.at("visitor-person");
  await inbox.page.goto(desk.at("/admin/sites"));
  await site.at("admin-sites");
  for (const page of [visitor.page, desk.admin]) {
    await page.setViewportSize({ width: 320, height: 640 });
    await page.reload();
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await wide()).toBeLessThanOrEqual(0);
  }
  expect([...seen.faults(), ...site.faults()]).toEqual([]);
});

test("without code: a visitor writes, an agent answers and hands back", async ({ browse, serve, upstream }) => {
  const desk = await Desk.start(await serve(providers(upstream)), browse, { answered_by: "agents" }, { javaScriptEnabled: false });
  const visitor = await desk.visitor({ javaScriptEnabled: false });
  await visitor.field.fill("Is anybody there?");
  await visitor.page.getByRole("button", { name: "Send" }).click();
  await expect(visitor.said).toContainText(["Is anybody there?"]);
  await expect(visitor.who).toHaveText("waiting for a person");
  const page = desk.admin;
  await page.goto(desk.at("/inbox"));
  await page.locator("#rows a").click();
  await page.getByLabel("Your answer").fill("I am here.");
  await page.getByRole("button", { name: "Take over and answer" }).click();
  await expect(page.locator("#who")).toHaveText("You have it");
  await page.getByRole("button", { name: "Close" }).click();
  await expect(page.locator("#who")).toHaveText("Closed");
  await visitor.page.reload();
  await expect(visitor.said.last()).toContainText("I am here.");
});

/** How far a page is from fitting. */
const tooWide = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

test("a visitor's page in mid-reply: reloaded, right to left, killed, and in a browser that keeps nothing", async ({ browse, noise, serve, upstream }) => {
  test.setTimeout(120_000);
  noise.expect(CUT);
  noise.expect(/400 \(Bad Request\)/);
  const desk = await Desk.start(await serve(providers(upstream)), browse);
  const visitor = await desk.visitor({ viewport: { width: 320, height: 640 } });
  const script = { pieces: 150, gap_ms: 40 };
  const whole = await upstream.text(script);
  await visitor.say(asking("أين طلبي؟", script));
  await expect(visitor.said.last()).toContainText("t20 ");
  await visitor.page.reload();
  await expect(visitor.said.last()).toContainText("t40 ");
  expect(await tooWide(visitor.page)).toBeLessThanOrEqual(0);
  expect(await visitor.said.first().locator(".turn__text").evaluate((text) => getComputedStyle(text).direction)).toBe("rtl");
  await expect.poll(async () => (await transcript(visitor.page)).at(-1), { timeout: 20_000 }).toBe(whole.trim());

  await visitor.say(asking("Again", SLOW));
  await expect(visitor.said.last()).toContainText("t20 ");
  const before = (await transcript(visitor.page)).at(-1) ?? "";
  await desk.server.kill("SIGKILL");
  await expect(visitor.page.locator("#broken")).toHaveText(/connection is lost/);
  await desk.server.startAgain();
  await expect(visitor.said.last()).toContainText("This answer broke off.", { timeout: 20_000 });
  expect(before).toContain("t1 ");
  await visitor.page.getByRole("button", { name: "Try again" }).click();
  await expect(visitor.page.locator("article[data-open]")).toContainText("t3 ");
  await visitor.page.getByRole("button", { name: "Stop" }).click();
  await expect(visitor.said.last()).toContainText("Stopped.");

  // Cookies and storage are blocked.
  const context = await browse({ viewport: PHONE });
  await context.addInitScript(() => Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("no", "SecurityError"); } }));
  await context.route("**/*", async (route) => {
    // A stream sets none.
    if (route.request().headers().accept === "text/event-stream") return route.continue();
    // Not Playwright's own, which would keep the cookie for the browser.
    const request = route.request();
    const answer = await fetch(request.url(), { method: request.method(), headers: request.headers(), body: request.postData() });
    const { "set-cookie": _, "content-encoding": __, "content-length": ___, ...headers } = Object.fromEntries(answer.headers);
    await route.fulfill({ status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()) });
  });
  const nobody = new Visitor(await context.newPage());
  await nobody.page.goto(desk.at(`/w/${desk.site}`));
  await nobody.say(asking("Do you know me?", { text: "For as long as this page is open." }));
  await expect(nobody.page.getByText("This browser keeps nothing")).toBeVisible();
  await expect(nobody.said.last()).toContainText("For as long as this page is open.");
  await nobody.page.getByRole("button", { name: "Talk to a person" }).click();
  await expect(nobody.who).toHaveText("waiting for a person");
});

test("a message whose answer is lost is sent again as the same one", async ({ browse, noise, serve, upstream }) => {
  noise.expect(CUT);
  const desk = await Desk.start(await serve(providers(upstream)), browse);
  const visitor = await desk.visitor();
  await visitor.say(asking("Hello", { text: "Good day." }));
  await expect(visitor.said.last()).toContainText("Good day.");
  let lost = 0;
  await visitor.page.route("**/messages", async (route) => {
    if (lost++) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await visitor.field.fill(asking("Only once", { text: "Heard." }));
  await visitor.field.press("Enter");
  await expect(visitor.page.getByRole("alert")).toContainText("cannot be reached");
  // The page is drawn anew in between: by the reply to what had come through.
  await expect(visitor.said.last()).toContainText("Heard.");
  await visitor.field.press("Enter");
  await expect(visitor.field).toHaveValue("");
  await expect(visitor.said.filter({ hasText: "Only once" })).toHaveCount(1);
});
