// Shared conversations: two users in two browsers, one with read access, and an anonymous one with the public link.

import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { CUT, Chat, ask, expect, newName, test } from "./helpers";

const PASSWORD = "a quiet river";
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };

async function signUp(page: Page, name: string, site = ""): Promise<void> {
  await page.goto(`${site}/sign-up`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await new Chat(page).awake();
}

async function faults(page: Page, where: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${where}: ${id}: ${html}: ${failureSummary}`));
}

// Each page is looked at four times.
test.describe.configure({ timeout: 120_000 });

/** The violations of a page in each size and colour scheme. */
async function allFaults(page: Page, where: string): Promise<string[]> {
  const found: string[] = [];
  for (const size of [PHONE, DESKTOP]) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      found.push(...(await faults(page, `${where}, ${colorScheme}, ${size.width} px`)));
    }
  }
  return [...new Set(found)];
}

/** Ann has begun a conversation and stands on its sharing page. */
async function begun(chat: Chat, ann: string): Promise<string> {
  await signUp(chat.page, ann);
  await chat.say(ask("Where do rivers begin?", { text: "At their springs." }));
  await chat.shows("At their springs.");
  await chat.ended();
  const address = chat.page.url();
  // The link to it opens it as a dialog (dialogs.spec.ts).
  await chat.page.goto(`${address}/sharing`);
  await expect(chat.heading).toHaveText("Sharing");
  return address;
}

async function shareWith(page: Page, name: string, may: string): Promise<void> {
  await page.getByLabel("Their name here").fill(name);
  await page.getByLabel("They may").first().selectOption(may);
  await page.getByRole("button", { name: "Share", exact: true }).click();
  await expect(page.getByRole("listitem").filter({ hasText: name })).toBeVisible();
}

test("two people talk in one conversation, see each other, and one is told when it is taken back", async ({ browse, chat, noise, page }) => {
  noise.expect(CUT);
  noise.expect(/404 \(Not Found\)/);
  const [ann, bob] = [newName("Ann"), newName("Bob")];
  const second = new Chat(await (await browse()).newPage());
  const address = await begun(chat, ann);
  await signUp(second.page, bob, new URL("/", page.url()).origin);
  await expect(second.titles).toHaveCount(0);
  await shareWith(page, bob, "Read and write");
  // It comes into the list by itself, marked as shared.
  await expect(second.titles).toHaveText(["Shared: Where do rivers begin?"]);
  await second.titles.first().click();
  await expect(second.page.getByRole("heading", { name: `${ann} said` })).toBeVisible();
  await second.shows("At their springs.");
  await chat.open(address);
  const company = (one: Chat) => one.page.locator(".presence");
  await expect(company(chat)).toHaveText(`${bob} is here.`);
  await expect(company(second)).toHaveText(`${ann} is here.`);
  await second.field.pressSequentially("And where do they end?");
  await expect(company(chat)).toHaveText(`${bob} is here. ${bob} is typing…`);
  expect(await allFaults(page, "a shared conversation")).toEqual([]);
  await page.setViewportSize(DESKTOP);
  await second.field.fill("");
  await second.say(ask("And where do they end?", { pieces: 60, gap_ms: 20 }));
  await expect(page.getByRole("heading", { name: `${bob} said` })).toBeVisible();
  await chat.showsSome(10);
  await Promise.all([chat.ended(), second.ended()]);
  expect(await chat.text()).toBe(await second.text());
  await expect(company(chat)).toHaveText(`${bob} is here.`);

  await page.goto(`${address}/sharing`);
  const began = Date.now();
  await page.getByRole("button", { name: `Take back from ${bob}` }).click();
  await expect(second.heading).toHaveText("Gone");
  expect(Date.now() - began).toBeLessThan(2_000);
  await expect(second.page.getByText("is not shared with you any more")).toBeVisible();
  await expect(second.page.getByText("At their springs.")).toHaveCount(0);
  await expect(second.titles).toHaveCount(0);
});

test("a reader comes in by a link, reads live, and is told why there is nowhere to write", async ({ browse, chat, noise, page }) => {
  noise.expect(CUT);
  const ann = newName("Ann");
  const address = await begun(chat, ann);
  await page.getByLabel("They may").last().selectOption("Only read");
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = page.getByRole("link", { name: /\/join\/[0-9a-f]{32}/ });
  await expect(link).toBeFocused();
  const invitation = new URL((await link.getAttribute("href")) ?? "", page.url()).href;
  expect(await allFaults(page, "sharing")).toEqual([]);
  await chat.open(address);

  const second = new Chat(await (await browse()).newPage());
  await second.page.goto(invitation);
  await expect(second.page.getByText(`${ann} invites you to read “Where do rivers begin?”.`)).toBeVisible();
  expect(await allFaults(second.page, "an invitation")).toEqual([]);
  await second.page.keyboard.press("Enter");
  await second.awake();
  await second.shows("At their springs.");
  await expect(second.page.getByText(`${ann} shares this conversation with you to read.`)).toBeVisible();
  await expect(second.field).toBeHidden();
  await expect(second.page.getByRole("button", { name: "Retry" })).toHaveCount(0);
  await expect(second.page.getByText("Instructions")).toHaveCount(0);
  await chat.say(ask("And where do they end?", { pieces: 60, gap_ms: 20 }));
  await second.showsSome(10);
  await Promise.all([chat.ended(), second.ended()]);
  expect(await second.text()).toBe(await chat.text());
  expect(await allFaults(second.page, "a reader's page")).toEqual([]);
  // Used once, it is used up.
  const third = await (await browse()).newPage();
  noise.expect(/404 \(Not Found\)/);
  await third.goto(invitation);
  await expect(third.getByText("This invitation cannot be taken any more.")).toBeVisible();
  expect(await faults(third, "an invitation that is over")).toEqual([]);
  // And the reader leaves.
  await second.page.setViewportSize(DESKTOP);
  await second.page.getByRole("link", { name: "Shared", exact: true }).click();
  expect(await allFaults(second.page, "a reader's view of sharing")).toEqual([]);
  await second.page.getByRole("button", { name: "Leave this conversation" }).click();
  await second.awake();
  await expect(second.titles).toHaveCount(0);
});

test("a reader with the public link follows live, without an account, until the link is withdrawn", async ({ browse, chat, noise, page, upstream }) => {
  noise.expect(CUT);
  noise.expect(/404 \(Not Found\)/);
  const address = await begun(chat, newName("Ann"));
  await page.getByRole("button", { name: "Make a public link" }).click();
  const link = page.getByRole("link", { name: /\/p\/[0-9a-f]{32}/ });
  const secret = new URL((await link.getAttribute("href")) ?? "", page.url()).href;
  await chat.open(address);

  const context = await browse();
  const passing = new Chat(await context.newPage());
  await passing.page.goto(secret);
  await passing.awake();
  await passing.shows("At their springs.");
  await expect(passing.page.getByText("This conversation is public. You can only read it.")).toBeVisible();
  await expect(passing.field).toBeHidden();
  await expect(passing.sidebar).toHaveCount(0);
  await expect(passing.page.getByRole("alert")).toHaveCount(0);
  expect(await allFaults(passing.page, "a public conversation")).toEqual([]);
  await chat.say(ask("And where do they end?", { pieces: 200, markdown: true, hold_after: [20] }));
  const some = await passing.showsSome(10);
  await upstream.go();
  await expect.poll(() => passing.text()).not.toBe(some);
  await Promise.all([chat.ended(), passing.ended()]);
  expect(await passing.text()).toBe(await chat.text());
  await passing.reload();
  expect(await passing.text()).toBe(await chat.text());
  expect(await context.cookies()).toEqual([]);
  await page.goto(`${address}/sharing`);
  await page.getByRole("button", { name: "Withdraw the public link" }).click();
  await expect(passing.heading).toHaveText("Gone");
  await expect(passing.page.getByText("At their springs.")).toHaveCount(0);
  expect((await passing.page.goto(secret))?.status()).toBe(404);
});
