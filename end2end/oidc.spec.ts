// Signing in by OpenID Connect, with an issuer that is not ours (issuer.mjs).

import type { Page } from "@playwright/test";
import { CUT, Chat, ask, expect, providers, test as base } from "./helpers";
import { Looks } from "./a11y";
import { Program, type Rivulet } from "./processes";

type Parameters = Record<string, string>;

/** The issuer, and the server that is registered there. */
class Office {
  constructor(
    private readonly program: Program,
    readonly server: Rivulet,
  ) {}

  at(path: string): string {
    return `${this.server.url}${path}`;
  }

  get url(): string {
    return this.program.url;
  }

  /** Puts parameters over those that the next browsers bring there and back. */
  async tamper(tampered: { asked?: Parameters; answered?: Parameters }): Promise<void> {
    await fetch(`${this.program.url}/tampered`, { method: "PUT", body: JSON.stringify(tampered) });
  }

  async close(): Promise<void> {
    await this.program.end("SIGKILL");
  }
}

const test = base.extend<{ office: Office }>({
  office: async ({ serve, upstream, noise }, use) => {
    // The issuer's own pages load a font from another host, and leaving a page cuts its stream.
    noise.expect(/fonts\.googleapis/);
    noise.expect(CUT);
    const server = await serve(providers(upstream));
    const program = await Program.start(process.execPath, { RIVULET: server.url }, /listens on (http:\/\/[\d.:]+)/, [
      `${__dirname}/issuer.mjs`,
    ]);
    await server.kill("SIGTERM");
    await server.startAgain({
      RIVULET_OIDC_ISSUER: program.url,
      RIVULET_OIDC_CLIENT_ID: "rivulet",
      RIVULET_OIDC_CLIENT_SECRET: "the secret of rivulet",
      RIVULET_OIDC_NAME: "The Office",
    });
    const office = new Office(program, server);
    await use(office);
    await office.close();
  },
});

const through = (page: Page, does = "Sign in") => page.getByRole("button", { name: `${does} with The Office` });

/** Signs in at the issuer as a new user. */
async function logIn(page: Page, login: string): Promise<void> {
  await logInAgain(page, login);
  await page.getByRole("button", { name: "Continue" }).click();
}

/** Signs in at the issuer as a user who has consented before. */
async function logInAgain(page: Page, login: string): Promise<void> {
  await page.getByPlaceholder("Enter any login").fill(login);
  await page.getByPlaceholder("and password").fill("whatever");
  await page.getByRole("button", { name: "Sign-in" }).click();
}

test("a guest signs in elsewhere, keeps its conversation, and comes back to the same account", async ({ chat, office, page }) => {
  await chat.open(office.at("/"));
  await chat.say(ask("Before I had a name", { text: "And yet it is kept." }));
  await chat.shows("And yet it is kept.");
  await chat.sidebar.getByRole("link", { name: "Sign in" }).click();
  await through(page).click();
  await logIn(page, "ann");
  await chat.awake();
  await expect(page).toHaveURL(office.at("/"));
  await expect(chat.sidebar.getByRole("link", { name: "ann" })).toBeVisible();
  await expect(chat.titles).toHaveText(["Before I had a name"]);

  await page.goto(office.at("/account"));
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  // The issuer still knows who this is.
  await through(page).click();
  await chat.awake();
  await expect(chat.titles).toHaveText(["Before I had a name"]);
  await page.goBack();
  await expect(page, "the page on the way there is not gone back to").toHaveURL(/\/(sign-in)?$/);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("one signs up elsewhere with the keyboard alone", async ({ chat, office, page }) => {
    await page.goto(office.at("/sign-up"));
    await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
    for (let presses = 0; presses < 5; presses++) {
      await page.keyboard.press("Tab");
      if (await through(page, "Sign up").evaluate((button) => button === document.activeElement)) break;
    }
    await page.keyboard.press("Enter");
    await expect(page.getByPlaceholder("Enter any login")).toBeFocused();
    await page.keyboard.type("bob");
    await page.keyboard.press("Tab");
    await page.keyboard.type("whatever");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("button", { name: "Continue" })).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(chat.sidebar.getByRole("link", { name: "bob" })).toBeVisible();
  });
});

test("parameters that an attacker in between has changed sign no one in", async ({ browse, noise, office }) => {
  noise.expect(/40[03] /);
  const changed: [string, { asked?: Parameters; answered?: Parameters }, RegExp][] = [
    ["nonce", { asked: { nonce: "another" } }, /does not check out/],
    ["state", { answered: { state: "0".repeat(64) } }, /begun in another browser/],
    ["issuer", { answered: { iss: "https://evil.example" } }, /does not check out/],
    ["audience", { asked: { client_id: "another" } }, /Begin again/],
    ["challenge", { asked: { code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" } }, /Begin again/],
    ["code", { answered: { code: "another" } }, /Begin again/],
  ];
  for (const [what, tampered, words] of changed) {
    const context = await browse();
    const page = await context.newPage();
    await page.goto(office.at("/sign-in"));
    await office.tamper(tampered);
    await through(page).click();
    await logIn(page, "ann");
    await expect(page.getByRole("alert"), what).toHaveText(words);
    expect((await page.request.get(office.at("/api/v1/conversations"))).status(), what).toBe(401);
    await context.close();
  }
  await office.tamper({});
});

test("two tabs sign in at the same time, and a way back is taken once", async ({ noise, office, page }) => {
  noise.expect(/400 /);
  const second = await page.context().newPage();
  for (const tab of [page, second]) {
    await tab.goto(office.at("/sign-in"));
    await through(tab).click();
    await expect(tab.getByPlaceholder("Enter any login")).toBeVisible();
  }
  const ways: string[] = [];
  for (const tab of [page, second]) {
    tab.on("request", (request) => request.url().includes("/callback?") && ways.push(request.url()));
    await (tab === page ? logIn : logInAgain)(tab, "ann");
    await expect(tab.getByRole("link", { name: "ann" })).toBeVisible();
  }
  expect(ways).toHaveLength(2);
  await page.goto(ways[0]);
  await expect(page.getByRole("alert")).toHaveText(/has been used already/);
});

test("an account is linked and unlinked on its page", async ({ browse, noise, office, page }) => {
  noise.expect(/409 /);
  await page.goto(office.at("/sign-up"));
  await page.getByLabel("Name", { exact: true }).fill("Carol");
  await page.getByLabel("Password", { exact: true }).fill("a quiet river");
  await page.getByRole("button", { name: "Sign up", exact: true }).click();
  await page.goto(office.at("/account"));
  await page.getByLabel("Your password").fill("a quiet river");
  await page.getByRole("button", { name: "Link The Office" }).click();
  await logIn(page, "carol");
  await expect(page).toHaveURL(/\/account$/);
  await expect(page.getByText("carol@example.org").first()).toBeVisible();

  const other = new Chat(await (await browse()).newPage());
  await other.page.goto(office.at("/sign-in"));
  await through(other.page).click();
  await logIn(other.page, "carol");
  await expect(other.sidebar.getByRole("link", { name: "Carol" })).toBeVisible();

  await page.getByRole("button", { name: "Unlink carol@example.org" }).click();
  await expect(page.getByRole("button", { name: "Link The Office" })).toBeVisible();
});

test("axe finds nothing on the pages of signing in elsewhere, and all is said in words", async ({ noise, office, page }) => {
  test.setTimeout(180_000);
  noise.expect(/40[03] |503 /);
  const looks = new Looks(page);
  await page.goto(office.at("/sign-in"));
  await looks.at("oidc-sign-in");
  await page.goto(office.at("/sign-up"));
  await looks.at("oidc-sign-up");
  // A browser that does not go on by itself shows the page in between.
  const sent = office.at("/sign-in/oidc");
  await page.route(sent, async (route) => {
    const response = await route.fetch();
    const { refresh, ...headers } = response.headers();
    expect(refresh).toContain(`0; url=${office.url}/auth?`);
    await route.fulfill({ response, headers });
  });
  await through(page, "Sign up").click();
  await expect(page.getByRole("link", { name: "Go on to The Office" })).toBeFocused();
  await looks.at("oidc-on-the-way");
  await page.unroute(sent);
  await page.getByRole("link", { name: "Go on to The Office" }).click();
  await logIn(page, "dora");
  await page.goto(office.at("/account"));
  await expect(page.getByText("the only way into your account")).toBeVisible();
  await looks.at("oidc-account");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.goto(office.at("/sign-in/oidc/callback?state=x&code=y"));
  await expect(page.getByRole("alert")).toBeFocused();
  await looks.at("oidc-failed");
  await page.getByRole("link", { name: "Back to signing in" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  await office.close();
  await office.server.kill("SIGTERM");
  await office.server.startAgain();
  await page.reload();
  await expect(page.getByText("The Office cannot be reached at the moment.")).toBeVisible();
  await expect(through(page)).toHaveCount(0);
  await looks.at("oidc-unreachable");
  expect(looks.faults()).toEqual([]);
});
