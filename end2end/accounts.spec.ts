// Accounts, as people meet them: signing up and in, on two browsers, without JavaScript, by keyboard, and as an admin.

import type { Locator, Page } from "@playwright/test";
import { CUT, Chat, ask, expect, newName, providers, test } from "./helpers";
import { Looks } from "./a11y";

const PASSWORD = "a quiet river";

async function fillIn(page: Page, button: string, name: string, password = PASSWORD): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: button }).click();
}

/** The link for the first admin, as the program prints it. */
const adminLink = (log: string): string => /http\S+invitation=[0-9a-f]{64}/.exec(log)?.[0] ?? "";

test("a guest signs up, finds its conversation on a second browser, and ends the first one's session from there", async ({
  browse,
  chat,
  noise,
  page,
}) => {
  noise.expect(CUT);
  noise.expect(/401 \(Unauthorized\)/);
  const name = newName("Ann");
  await chat.open();
  await chat.say(ask("Before I had a name", { text: "And yet it is kept." }));
  await chat.shows("And yet it is kept.");
  await chat.sidebar.getByRole("link", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "Sign up" }).click();
  await expect(page.getByText("The conversation that you have begun here comes along.")).toBeVisible();
  await fillIn(page, "Sign up", name);
  await chat.awake();
  await expect(chat.sidebar.getByRole("link", { name })).toBeVisible();
  await expect(chat.titles).toHaveText(["Before I had a name"]);
  await chat.titles.first().click();
  await chat.say(ask("And it goes on", { pieces: 2000, gap_ms: 20 }));
  await chat.showsSome(20);

  const second = new Chat(await (await browse()).newPage());
  await second.page.goto(new URL("/sign-in", page.url()).href);
  await fillIn(second.page, "Sign in", name);
  await second.awake();
  await second.titles.first().click();
  await second.showsSome(20);
  await second.sidebar.getByRole("link", { name }).click();
  const others = second.page.getByRole("listitem").filter({ hasText: "last used" });
  await expect(others).toHaveCount(1);
  const away = page.waitForURL(/\/sign-in$/);
  const began = Date.now();
  await others.getByRole("button", { name: "Sign out" }).click();
  await away;
  // The stream is cut immediately; what remains are two requests of the page to the server.
  expect(Date.now() - began).toBeLessThan(1_500);
  await expect(others).toHaveCount(0);
  expect((await page.request.get("/api/v1/conversations")).status()).toBe(401);
});

test("signing in with conversations of a guest asks about them, and keeps them", async ({ browse, chat, page }) => {
  const name = newName("Ann");
  await page.goto("/sign-up");
  await fillIn(page, "Sign up", name);
  await chat.awake();
  const second = new Chat(await (await browse()).newPage());
  await second.open(new URL("/", page.url()).href);
  await second.say(ask("Said as a guest", { text: "Noted." }));
  await second.shows("Noted.");
  await second.page.goto(new URL("/sign-in", page.url()).href);
  await fillIn(second.page, "Sign in", name);
  await expect(second.heading).toHaveText("What you began here");
  await expect(second.page.getByText("Said as a guest")).toBeVisible();
  await second.page.getByRole("button", { name: "Keep in my account" }).click();
  await second.awake();
  await expect(second.titles).toHaveText(["Said as a guest"]);
  await expect(chat.titles).toHaveText(["Said as a guest"]);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("one signs up, out and in, and is told what is wrong beside the field, which has the focus", async ({ chat, noise, page }) => {
    noise.expect(/422/);
    const name = newName("Ann");
    await page.goto("/sign-up");
    await fillIn(page, "Sign up", name, "short");
    const password = page.getByLabel("Password", { exact: true });
    await expect(password).toBeFocused();
    await expect(password).toHaveAccessibleDescription(/at least 8/);
    await fillIn(page, "Sign up", name);
    await chat.sidebar.getByRole("link", { name }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page).toHaveURL(/\/sign-in$/);
    await fillIn(page, "Sign in", name, "not the password");
    await expect(page.getByText("do not belong together")).toBeVisible();
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue(name);
    await fillIn(page, "Sign in", name);
    await expect(chat.sidebar.getByRole("link", { name })).toBeVisible();
  });
});

test("one signs up and makes a token with the keyboard alone", async ({ page }) => {
  const name = newName("Ann");
  await page.goto("/sign-up");
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await page.keyboard.type(name);
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/$/);
  await page.goto("/account");
  for (let presses = 0; presses < 20; presses++) {
    await page.keyboard.press("Tab");
    if (await page.getByLabel("What it is for").evaluate((field) => field === document.activeElement)) break;
  }
  await page.keyboard.type("backups");
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByText("It is not shown again.")).toBeVisible();
  const token = await page.getByText(/^rivulet_/).innerText();
  await expect(page.getByText(/reads and writes/)).toBeVisible();
  const models = () => page.request.fetch("/api/v1/models", { headers: { authorization: `Bearer ${token}`, cookie: "" } });
  expect((await models()).status()).toBe(200);
  await page.goto("/account");
  await expect(page.getByText("backups").first()).toBeVisible();
  await expect(page.getByText(/^rivulet_/)).toHaveCount(0);
});

test("axe finds nothing on the pages of accounts, by day and by night, on a phone and on a desktop", async ({ noise, page, serve, upstream }) => {
  test.setTimeout(300_000);
  noise.expect(/422|404/);
  const server = await serve({ ...providers(upstream), RIVULET_SIGN_UP: "invitation" });
  const at = (path: string) => `${server.url}${path}`;
  const looks = new Looks(page);
  const look = (name: string): Promise<void> => looks.at(name);
  await page.goto(at("/sign-in"));
  await look("sign-in");
  await fillIn(page, "Sign in", "nobody", "not the password");
  await look("sign-in-wrong");
  await page.goto(at("/sign-up"));
  await look("sign-up-invited");
  await page.goto(at("/"));
  await page.goto(at("/account/delete"));
  await look("delete-guest");
  await page.goto(adminLink(server.log));
  await look("sign-up");
  await fillIn(page, "Sign up", "Root");
  await page.goto(at("/account/delete"));
  await look("delete");
  await page.goto(at("/account"));
  await page.getByLabel("What it is for").fill("Backups");
  await page.getByRole("button", { name: "Make a token" }).click();
  await look("account");
  await page.getByLabel("Password now").fill("not the password");
  await page.getByLabel("New password").fill("another password");
  await page.getByRole("button", { name: "Change the password" }).click();
  await look("account-wrong");
  await page.goto(at("/admin"));
  await look("admin");
  await page.getByRole("link", { name: "Root" }).last().click();
  await look("admin-account");
  await page.getByRole("button", { name: "Make a link for a new password" }).click();
  const reset = (await page.locator("a.token").getAttribute("href")) ?? "";
  await look("admin-account-link");
  await page.getByRole("link", { name: "Delete the account" }).click();
  await look("admin-delete");
  await page.goto(at("/admin/invitations"));
  await page.getByLabel("For whom").fill("The team");
  await page.getByRole("button", { name: "Make an invitation" }).click();
  await look("admin-invitations");
  for (const name of ["usage", "log"]) {
    await page.goto(at(`/admin/${name}`));
    await look(`admin-${name}`);
  }
  await page.goto(at("/admin/invitations"));
  await page.getByLabel("Who may sign up").selectOption("closed");
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await page.goto(reset);
  await look("reset");
  await page.getByLabel("New password").fill("another quiet river");
  await page.getByRole("button", { name: "Set the password" }).click();
  await look("reset-done");
  await page.goto(reset);
  await look("reset-over");
  await page.context().clearCookies();
  await page.goto(at("/sign-up"));
  await look("sign-up-closed");
  await page.goto(at("/"));
  await page.getByRole("textbox", { name: "Your message" }).fill("Said as a guest");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(page).toHaveURL(/\/c\//);
  await page.goto(at("/sign-in"));
  await fillIn(page, "Sign in", "Root", "another quiet river");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("What you began here");
  await look("merge");
  expect(looks.faults()).toEqual([]);
});

test("an admin invites a user, and takes the account out of use while it is open", async ({ browse, noise, page, serve, upstream }) => {
  noise.expect(CUT);
  noise.expect(/401|403/);
  const server = await serve({ ...providers(upstream), RIVULET_GUESTS: "off", RIVULET_SIGN_UP: "invitation" });
  await page.goto(server.url);
  await expect(page).toHaveURL(/\/sign-in$/);
  await page.goto(adminLink(server.log));
  await fillIn(page, "Sign up", "Root");
  await page.goto(`${server.url}/admin/invitations`);
  await page.getByRole("button", { name: "Make an invitation" }).click();
  const link = (await page.locator("a.token").getAttribute("href")) ?? "";
  const guest = new Chat(await (await browse()).newPage());
  await guest.page.goto(new URL(link, server.url).href);
  await fillIn(guest.page, "Sign up", "Bob");
  await guest.awake();
  await page.goto(`${server.url}/admin?q=bob`);
  await page.getByRole("link", { name: "Bob" }).click();
  const away = guest.page.waitForURL(/\/sign-in$/);
  await page.getByRole("button", { name: "Disable the account" }).click();
  await away;
  await fillIn(guest.page, "Sign in", "Bob");
  await expect(guest.page.getByRole("alert")).toHaveText(/This account is disabled/);
  await page.getByRole("link", { name: "Log" }).click();
  await expect(page.getByRole("row", { name: /Root disabled Bob/ })).toBeVisible();
});

test("an account is taken along and deleted with the keyboard alone", async ({ noise, page }) => {
  noise.expect(/422/);
  const name = newName("Ann");
  await page.goto("/sign-up");
  await fillIn(page, "Sign up", name);
  await page.waitForURL(/\/$/);
  await page.goto("/account");
  const focus = async (target: Locator): Promise<void> => {
    for (let presses = 0; presses < 40; presses++) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error("the focus does not get there");
  };
  await focus(page.getByRole("link", { name: "Download everything" }));
  const download = page.waitForEvent("download");
  await page.keyboard.press("Enter");
  expect((await download).suggestedFilename()).toMatch(/^rivulet-\d{4}-\d\d-\d\d\.zip$/);
  await focus(page.getByRole("link", { name: "Delete the account" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Delete your account");
  await focus(page.getByLabel("Your password"));
  await page.keyboard.type(PASSWORD);
  await focus(page.getByLabel("Yes, delete it for good"));
  await page.keyboard.press("Space");
  await focus(page.getByRole("button", { name: "Delete the account" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("It is gone");
  await page.goto("/sign-in");
  await fillIn(page, "Sign in", name);
  await expect(page.getByText("do not belong together")).toBeVisible();
});

test("the question about a guest's conversations is answered with the keyboard alone", async ({ browse, chat, page }) => {
  const name = newName("Ann");
  await page.goto("/sign-up");
  await fillIn(page, "Sign up", name);
  await chat.awake();
  const second = new Chat(await (await browse()).newPage());
  await second.open(new URL("/", page.url()).href);
  await second.say(ask("Said as a guest", { text: "Noted." }));
  await second.shows("Noted.");
  await second.page.goto(new URL("/sign-in", page.url()).href);
  await fillIn(second.page, "Sign in", name);
  await expect(second.page.getByRole("button", { name: "Keep in my account" })).toBeFocused();
  await second.page.keyboard.press("Enter");
  await second.awake();
  await expect(second.titles).toHaveText(["Said as a guest"]);
});
