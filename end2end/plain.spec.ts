// Without JavaScript, and before it is there.

import { once } from "node:events";
import { type IncomingMessage, get } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { ask, expect, test } from "./helpers";

/** Everything that a first visit needs, compressed (design.md, 8). */
/** The goal is 250,000. This is what there is today, so that it does not grow. */
const BUDGET_BYTES = 372_000;

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
    await chat.sidebar.getByLabel(/Rename or delete/).click();
    await chat.sidebar.getByRole("textbox", { name: "Title" }).fill("A better name");
    await chat.sidebar.getByRole("button", { name: "Rename" }).click();
    await expect(chat.heading).toHaveText("A better name");
    await list.click();
    await chat.sidebar.getByLabel(/Rename or delete/).click();
    await chat.sidebar.getByText("Delete…").click();
    await chat.sidebar.getByRole("button", { name: "Delete for good" }).click();
    await expect(page).toHaveURL(/\/$/);
    await list.click();
    await expect(chat.titles).toHaveCount(0);
  });
});

test("the first load does not grow, compressed", async ({ server }) => {
  const page = await fetched(server.url, "/");
  const files = [...new Set(page.text().match(/\/pkg\/[\w.-]+\.(?:css|js|wasm)/g))];
  expect(files.map((path) => path.split(".").pop()).sort()).toEqual(["css", "js", "wasm"]);
  const loaded = [page, ...(await Promise.all(files.map((path) => fetched(server.url, path))))];
  const total = loaded.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path, encoding, bytes } of loaded) console.log(`${path}: ${bytes} bytes (${encoding})`);
  console.log(`First load: ${total} of ${BUDGET_BYTES} bytes`);
  expect(loaded.map(({ encoding }) => encoding)).not.toContain(undefined);
  expect(total).toBeLessThanOrEqual(BUDGET_BYTES);
});

/** What goes over the wire, which `fetch` itself would hide. */
async function fetched(base: string, path: string) {
  const asked = get(base + path, { headers: { "accept-encoding": "gzip, br" } });
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const body = Buffer.concat(await answer.toArray());
  const encoding = answer.headers["content-encoding"];
  const text = () => (encoding === "br" ? brotliDecompressSync(body) : encoding === "gzip" ? gunzipSync(body) : body).toString();
  return { path, encoding, bytes: body.length, text };
}
