// Draws the picture of the README: a desktop and a phone, by day and by night. scripts/screenshot runs it, no test does.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BrowserContext, type Page } from "@playwright/test";
import { Chat, expect, providers, test } from "./helpers";
import { ROOT } from "./processes";

const PICTURE = join(ROOT, "docs/screenshot.webp");
/** What a page of the README can cost. */
const MOST_BYTES = 300_000;
/** The picture's width in pixels: twice what GitHub shows. */
const WIDTH = 1760;
const DESKTOP = { width: 1120, height: 900 };
const PHONE = { width: 390, height: 900 };

const TITLES = ["Packing list for Lofoten", "Why is the sky dark at night?", "Postgres or SQLite?", "A toast for Ana's wedding"];
const QUESTION = "How do I share the newest value with many tasks in tokio?";
const ANSWER = `Use a \`watch\` channel. It holds **one** value; every receiver sees the newest, and none slows down the others.

\`\`\`rust
let (newest, mut receiver) = tokio::sync::watch::channel(0);

tokio::spawn(async move {
    while receiver.changed().await.is_ok() {
        println!("now {}", *receiver.borrow());
    }
});

newest.send(1)?;
\`\`\`

Where every value counts, read a log by a cursor instead.`;

async function conversation(page: Page, url: string): Promise<void> {
  const chat = new Chat(page);
  await page.goto(url);
  for (const title of TITLES) await page.request.post(`${url}/api/v1/conversations`, { data: { title } });
  await chat.open(url);
  await chat.say(QUESTION);
  await chat.showsSome(300);
  await chat.ended();
  await expect(page.locator(".reply pre span").first()).toBeVisible();
}

async function shot(context: BrowserContext, path: string, size: typeof DESKTOP, colorScheme: "light" | "dark"): Promise<string> {
  const page = await context.newPage();
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await new Chat(page).open(path);
  await page.evaluate(() => scrollTo(0, 0));
  const picture = await page.screenshot();
  await page.close();
  return `data:image/png;base64,${picture.toString("base64")}`;
}

/** Both desktops beside their phones, the day above the night; as WebP, which the browser can write. */
async function draw(page: Page, shots: string[]): Promise<Buffer> {
  const url = await page.evaluate(
    async ({ shots, width }) => {
      const images = await Promise.all(shots.map((url) => createImageBitmap(new Blob([Uint8Array.from(atob(url.split(",")[1]), (byte) => byte.charCodeAt(0))]))));
      const gap = 24;
      const whole = images[0].width + gap + images[1].width;
      const canvas = document.createElement("canvas");
      const scale = width / whole;
      canvas.width = width;
      canvas.height = Math.round(scale * (2 * images[0].height + gap));
      const context = canvas.getContext("2d") as CanvasRenderingContext2D;
      context.imageSmoothingQuality = "high";
      images.forEach((image, index) => {
        const x = index % 2 === 0 ? 0 : images[0].width + gap;
        const y = index < 2 ? 0 : images[0].height + gap;
        context.drawImage(image, x * scale, y * scale, image.width * scale, image.height * scale);
      });
      return canvas.toDataURL("image/webp", 0.86);
    },
    { shots, width: WIDTH },
  );
  return Buffer.from(url.split(",")[1], "base64");
}

test("the picture of the README", async ({ serve, upstream, browse }) => {
  const server = await serve({ ...providers(upstream), RIVULET_MODELS: "anthropic/claude-sonnet-4-5", RIVULET_MODEL: "anthropic/claude-sonnet-4-5" });
  const context = await browse({ deviceScaleFactor: 2 });
  const page = await context.newPage();
  await upstream.next({ text: ANSWER });
  await conversation(page, server.url);
  const shots: string[] = [];
  for (const scheme of ["light", "dark"] as const) {
    for (const size of [DESKTOP, PHONE]) shots.push(await shot(context, page.url(), size, scheme));
  }
  const blank = await context.newPage();
  const picture = await draw(blank, shots);
  expect(picture.length).toBeLessThan(MOST_BYTES);
  await writeFile(PICTURE, picture);
});
