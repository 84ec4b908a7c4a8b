// Images in messages: chosen, pasted, dropped, taken out, sent, shown, and what is said where a model does not see.

import { deflateSync } from "node:zlib";
import { AxeBuilder } from "@axe-core/playwright";
import type { Locator, Page } from "@playwright/test";
import { type Chat, ask, expect, test } from "./helpers";

const PHONE = { width: 390, height: 844 };

interface File {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** A PNG of one colour. */
function png(name: string, colour: [number, number, number], width = 320, height = 200): File {
  const chunk = (kind: string, data: Buffer) => {
    const named = Buffer.concat([Buffer.from(kind), data]);
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32BE(data.length, 0);
    numbers.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([numbers.subarray(0, 4), named, numbers.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, Buffer.from(colour))]);
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  const buffer = Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
  return { name, mimeType: "image/png", buffer };
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const RIVER = png("river.png", [20, 110, 160]);
const MEADOW = png("meadow.png", [90, 150, 60], 200, 320);
const POPPY = png("poppy.png", [200, 60, 40], 100, 100);

const tray = (page: Page): Locator => page.getByRole("list", { name: "Images to send" });
const waiting = (page: Page): Locator => tray(page).getByRole("img");
const choose = (page: Page, ...files: File[]): Promise<void> => page.getByLabel("Add images").setInputFiles(files);

/** Waits until `count` images are uploaded. */
async function ready(page: Page, count: number): Promise<void> {
  await expect(tray(page).locator("[aria-busy=false]")).toHaveCount(count);
}

/** Dispatches the event of a paste from the clipboard, or of files that are dragged. */
async function give(target: Locator, event: "paste" | "drop", files: File[]): Promise<void> {
  const sent = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, base64: buffer.toString("base64") }));
  await target.evaluate(
    (element, { event, sent }) => {
      const data = new DataTransfer();
      for (const { name, mimeType, base64 } of sent) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        data.items.add(new File([bytes], name, { type: mimeType }));
      }
      const about = { bubbles: true, cancelable: true };
      if (event === "drop") element.dispatchEvent(new DragEvent("dragover", { ...about, dataTransfer: data }));
      const given =
        event === "drop" ? new DragEvent("drop", { ...about, dataTransfer: data }) : new ClipboardEvent("paste", { ...about, clipboardData: data });
      element.dispatchEvent(given);
    },
    { event, sent },
  );
}

/** Whether the browser has drawn it. */
async function drawn(image: Locator): Promise<void> {
  await expect.poll(() => image.evaluate((it: HTMLImageElement) => it.complete && it.naturalWidth > 0)).toBe(true);
}

async function faults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Sends what is there, and waits for the reply. */
async function send(chat: Chat, text: string): Promise<void> {
  await chat.say(ask(text, { text: "I see." }));
  await chat.shows("I see.");
  await chat.ended();
}

test("images are chosen, pasted and dropped, one is taken out, the others are sent and stay", async ({ chat, page, upstream }) => {
  await chat.open();
  await choose(page, RIVER, MEADOW);
  await expect(tray(page).getByRole("img", { name: "river.png" })).toBeVisible();
  await give(chat.field, "paste", [png("image.png", [240, 200, 40])]);
  await give(page.getByRole("main"), "drop", [POPPY]);
  await ready(page, 4);
  expect(await faults(page)).toEqual([]);

  await page.getByRole("button", { name: "Remove meadow.png" }).focus();
  await page.keyboard.press("Enter");
  await expect(waiting(page)).toHaveCount(3);
  await expect(chat.field).toBeFocused();

  await send(chat, "What is on these?");
  await expect(tray(page)).toBeHidden();
  const [request] = await upstream.seen();
  expect(request.images.map((image) => image.media_type)).toEqual(["image/png", "image/png", "image/png"]);

  for (const look of ["as it was sent", "after a reload"]) {
    const shown = chat.said.getByRole("list", { name: "Images" }).getByRole("button").getByRole("img");
    await expect(shown, look).toHaveCount(3);
    expect(await shown.evaluateAll((all) => all.map((image) => image.getAttribute("alt")))).toEqual(["river.png", "image.png", "poppy.png"]);
    await drawn(shown.first());
    await chat.reload();
  }
});

test("an image opens in full and closes by Escape, which does not stop the reply", async ({ chat, page }) => {
  await chat.open();
  await choose(page, RIVER);
  await ready(page, 1);
  await chat.say(ask("Look", { silence_after: 3 }));
  await chat.shows("t0 t1 t2");
  const full = page.getByRole("dialog", { name: "river.png" });
  await page.getByRole("button", { name: "river.png" }).press("Enter");
  await expect(full).toBeVisible();
  await drawn(full.getByRole("img"));
  expect(await faults(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await expect(full).toBeHidden();
  await expect(chat.stop).toBeVisible();
  await chat.stop.click();
  await expect(chat.ending(/Stopped/)).toBeVisible();
});

test("what cannot be added says why, and costs neither the text nor the other images", async ({ chat, noise, page, upstream }) => {
  noise.expect(/status of 415/);
  await chat.open();
  await chat.field.fill("Before");
  const letter = { name: "letter.png", mimeType: "image/png", buffer: Buffer.from("Dear all,") };
  const film = { name: "film.png", mimeType: "image/png", buffer: Buffer.alloc(13 << 20) };
  await choose(page, RIVER, letter, film);
  await ready(page, 1);
  await expect(page.getByRole("alert")).toContainText("“film.png” was not added. An image has at most 12 MiB.");
  await expect(page.getByRole("alert")).toContainText("“letter.png” was not added. This is not a PNG, JPEG, WebP or GIF image.");
  await expect(chat.field).toHaveValue("Before");
  await choose(page, ...Array.from({ length: 8 }, (_, index) => png(`${index}.png`, [index, 0, 0])));
  await ready(page, 8);
  await expect(page.getByRole("alert")).toContainText("“7.png” was not added. A message has at most 8 images.");
  await send(chat, "After");
  expect((await upstream.seen())[0].images).toHaveLength(8);
});

test("sent before its image is there, a message goes as soon as it is", async ({ chat, page, upstream }) => {
  let arrive = () => {};
  const arrival = new Promise<void>((done) => (arrive = done));
  await page.route("**/api/v1/images?*", async (route) => {
    await arrival;
    await route.continue();
  });
  await chat.open();
  await choose(page, RIVER);
  await expect(waiting(page)).toHaveCount(1);
  await chat.say(ask("Now", { text: "Seen." }));
  await expect(chat.field).not.toHaveValue("");
  expect(await upstream.seen()).toEqual([]);
  arrive();
  await chat.shows("Seen.");
  expect((await upstream.seen())[0].images).toHaveLength(1);
});

test("a model that does not see says so before sending, refuses, and is told of earlier images", async ({ chat, noise, page, upstream }) => {
  noise.expect(/status of 422/);
  await chat.open();
  await choose(page, RIVER);
  await ready(page, 1);
  const note = page.getByText("gpt-test does not see images. Choose another model, or remove them.");
  await expect(note).toBeHidden();
  await chat.model.selectOption("openai/gpt-test");
  await expect(note).toBeVisible();
  await chat.say("What is this?");
  await expect(page.getByRole("alert")).toContainText("openai/gpt-test does not see images.");
  await expect(chat.field).toHaveValue("What is this?");
  await expect(waiting(page)).toHaveCount(1);
  expect(await upstream.seen()).toEqual([]);

  await chat.model.selectOption("anthropic/claude-test");
  await expect(note).toBeHidden();
  await upstream.next({ text: "I see." });
  await chat.field.press("Enter");
  await chat.shows("I see.");
  await chat.ended();
  await expect(chat.titles).toHaveCount(1);
  await chat.model.selectOption("openai/gpt-test");
  await send(chat, "And now?");
  await expect(chat.ending(/An image of this conversation was not shown to the model/)).toBeVisible();
  expect((await upstream.seen()).map((request) => request.images.length)).toEqual([1, 0]);
});

test("images fit a phone", async ({ chat, page }) => {
  await page.setViewportSize(PHONE);
  await chat.open();
  await choose(page, RIVER, MEADOW, POPPY, png("wide.png", [30, 30, 30], 1400, 200));
  await ready(page, 4);
  await send(chat, "On the road");
  await drawn(chat.said.getByRole("button", { name: "wide.png" }).getByRole("img"));
  await choose(page, RIVER, MEADOW, POPPY, ...Array.from({ length: 5 }, (_, index) => png(`${index}.png`, [index, 0, 0])));
  await ready(page, 8);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(PHONE.width);
  expect(await faults(page)).toEqual([]);
});
