// Without JavaScript, and before it is there.

import { CUT, ask, expect, test } from "./helpers";
import { PACKAGED } from "./processes";

/** Everything that a first visit loads, as it goes over the wire. */
const BUDGET_BYTES = 250_000;

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a conversation can be held: the page shows the text so far and refreshes itself until the end", async ({ chat, page, upstream }) => {
    const script = { pieces: 300, multibyte: true, gap_ms: 20 };
    await page.goto("/");
    await chat.field.fill(ask("By form", script));
    await chat.send.click();
    await expect(page).toHaveURL(/\/c\//);
    await expect(chat.said).toContainText("By form");
    const text = await upstream.text(script);
    const before = await chat.showsSome();
    expect(text.startsWith(before)).toBe(true);
    await chat.shows(text);
    await expect(chat.stop).toBeHidden();
    await expect(page.locator("meta[http-equiv=refresh]")).toHaveCount(0);
    await expect(chat.titles).toHaveText(["By form"]);

    await chat.field.fill(ask("Once more", { text: "Heard again." }));
    await chat.send.click();
    await chat.shows("Heard again.");
    await expect(chat.said).toHaveCount(2);
    expect(await upstream.seen()).toHaveLength(2);
  });

  test("a reply can be stopped and tried again", async ({ chat, page, upstream }) => {
    await page.goto("/");
    await chat.field.fill(ask("Fall silent", { silence_after: 3, times: 1 }));
    await chat.send.click();
    await chat.shows("t0 t1 t2");
    await chat.stop.click();
    await upstream.closed(1);
    await expect(chat.ending(/Stopped/)).toBeVisible();
    await chat.shows("t0 t1 t2");
    await page.getByRole("button", { name: "Retry" }).click();
    await expect(chat.prose.last()).toContainText("t19");
    await expect(chat.replied).toHaveCount(1);
  });

  test("a list opens on a phone, and a conversation can be renamed and deleted", async ({ chat, page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto("/");
    await chat.field.fill(ask("A poor name", { pieces: 3 }));
    await chat.send.click();
    await chat.shows("t0 t1 t2");
    await expect(chat.stop).toBeHidden();
    const list = page.getByRole("button", { name: "Conversations" });
    await list.click();
    await chat.sidebar.getByRole("button", { name: "Options for" }).click();
    await page.getByRole("textbox", { name: "Title" }).fill("A better name");
    await page.getByRole("button", { name: "Rename" }).click();
    await expect(chat.heading).toHaveText("A better name");
    await list.click();
    await chat.sidebar.getByRole("button", { name: "Options for" }).click();
    await page.getByRole("button", { name: "Delete for good" }).click();
    await expect(page).toHaveURL(/\/$/);
    await list.click();
    await expect(chat.titles).toHaveCount(0);
  });
});

const ONE_FILE = "only what make build makes has its code in two files";

test("the first load stays within its budget, compressed", async ({ chat, page, server }) => {
  test.skip(!PACKAGED, ONE_FILE);
  const loaded = new Map<string, Promise<number>>();
  page.on("requestfinished", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname === "/" || pathname.startsWith("/pkg/")) {
      loaded.set(pathname.replace(/.*\//, ""), request.sizes().then(({ responseBodySize }) => responseBodySize));
    }
  });
  await chat.open(server.url);
  let total = 0;
  for (const [name, size] of loaded) {
    console.log(`${name || "the page"}: ${await size} bytes`);
    total += await size;
  }
  console.log(`First load: ${total} of ${BUDGET_BYTES} bytes`);
  // The page, the style, two scripts and the program; what draws conversations comes when it is needed.
  expect([...loaded.keys()].map((name) => name.split(".").pop()).sort()).toEqual(["", "css", "js", "js", "wasm"]);
  expect(total).toBeLessThanOrEqual(BUDGET_BYTES);

  const code = page.waitForResponse(/\/pkg\/.*thread.*\.wasm$/);
  await chat.field.press("a");
  expect((await code).status()).toBe(200);
});

const THREAD_CODE = "**/pkg/**/*thread*.wasm";

test("a page that is older than the server loads itself anew, and what was being written stays", async ({ chat, noise, page, upstream }) => {
  test.skip(!PACKAGED, ONE_FILE);
  noise.expect(/404|WebAssembly/);
  await chat.open();
  const old = await page.locator("#leptos").getAttribute("href");
  await page.evaluate(() => document.documentElement.setAttribute("data-old", ""));
  // Another build's server has no such file.
  await page.route(THREAD_CODE, (route) => route.fulfill({ status: 404 }), { times: 2 });
  await chat.field.pressSequentially("Still here");
  await expect(page.locator("[data-old]")).not.toBeAttached();
  await chat.awake();
  await expect(chat.field).toHaveValue("Still here");
  await upstream.next({ text: "And so am I." });
  await chat.field.press("Enter");
  await chat.shows("And so am I.");
  expect(await page.locator("#leptos").getAttribute("href")).toBe(old);
});

test("a network that fails while the rest of the code is loaded delays the drawing only", async ({ chat, noise, page, upstream }) => {
  test.skip(!PACKAGED, ONE_FILE);
  noise.expect(CUT);
  noise.expect(/Failed to fetch/);
  await chat.open();
  await page.evaluate(() => document.documentElement.setAttribute("data-same", ""));
  let failed = 0;
  await page.route("**/*", async (route) => {
    if (failed < 3 && /thread.*\.wasm|api\/models/.test(route.request().url())) {
      failed += 1;
      return route.abort();
    }
    await route.continue();
  });
  await upstream.next({ text: "Late, but whole." });
  await chat.say("Wait for it");
  await chat.shows("Late, but whole.");
  expect(failed).toBe(3);
  await expect(page.locator("[data-same]")).toBeAttached();
});
