// The snippets of docs/*.md, run as they stand: in a shell, in Node, in Python, in the browser.
//
// A fenced block with `run` behind its language is run, under the name that it says:
//
//     ```js name=follow.mjs run
//
// `sh`, `js` (Node) and `py` (Python 3) are programs: they find the server's address in RIVULET_URL, a token that reads and
// writes in RIVULET_TOKEN, packages of this checkout's node_modules, and the files of earlier blocks of the same document
// beside them; they have to end with code 0. `html` is opened in a browser at the server's own address, as a guest. What a
// block prints, or its page shows, has to hold the model's whole answer, or what `prints="…"` says. A block with a name and
// without `run` is only written down, for later ones.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Script, expect, test } from "./helpers";

const DOCS = resolve(__dirname, "../docs");
/** Below the checkout, where Node finds its packages. */
const FOLDER = resolve(__dirname, "results");
const PROGRAMS: Record<string, string> = { sh: "sh", js: "node", py: "python3" };
/** Long enough that a snippet that hangs up in the middle does so. */
const SCRIPT: Script = { pieces: 30, gap_ms: 20 };

interface Snippet {
  language: string;
  name: string;
  text: string;
  isRun: boolean;
  prints?: string;
}

/** The named blocks of a document, in their order. */
function snippets(markdown: string): Snippet[] {
  const blocks = markdown.matchAll(/^```(\w+) ([^\n]*name=([\w.-]+)[^\n]*)\n([^]*?)^```$/gm);
  return [...blocks].map(([, language, info, name, text]) => {
    const prints = /prints="([^"]*)"/.exec(info)?.[1];
    return { language, name, text, isRun: info.split(" ").includes("run"), prints };
  });
}

/** An account of its own, and what a program of it sends. */
async function makeToken(url: string): Promise<string> {
  const form = new URLSearchParams({ name: `docs${Date.now()}`, password: "a quiet river bank" });
  const signed = await fetch(`${url}/sign-up`, { method: "POST", body: form, redirect: "manual" });
  const cookies = signed.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
  const made = await fetch(`${url}/api/v1/tokens`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Cookie: cookies.join("; ") },
    body: JSON.stringify({ name: "docs", scope: "write" }),
  });
  expect(made.status).toBe(201);
  return (await made.json()).token;
}

test.describe("the documents' snippets", () => {
  let token: string;
  test.beforeAll(async ({ server }) => {
    token = await makeToken(server.url);
    await mkdir(FOLDER, { recursive: true });
  });

  test("work as they stand", async ({ server, upstream, page }) => {
    test.setTimeout(180_000);
    const answer = await upstream.text(SCRIPT);
    const documents = (await readdir(DOCS)).filter((name) => name.endsWith(".md"));
    expect(documents).toContain("streaming.md");
    for (const document of documents) {
      const found = snippets(await readFile(join(DOCS, document), "utf8"));
      const folder = await mkdtemp(join(FOLDER, `${basename(document, ".md")}-`));
      for (const snippet of found) {
        await writeFile(join(folder, snippet.name), snippet.text);
        if (!snippet.isRun) continue;
        await test.step(`${document}: ${snippet.name}`, async () => {
          await upstream.next(SCRIPT);
          const expected = snippet.prints ?? answer;
          if (snippet.language === "html") {
            await page.goto("/");
            await page.route("**/snippet.html", (route) => route.fulfill({ contentType: "text/html", body: snippet.text }));
            await page.goto("/snippet.html");
            await expect.poll(() => page.locator("body").textContent(), { timeout: 20_000 }).toContain(expected);
            await page.unroute("**/snippet.html");
          } else {
            const env = { ...process.env, RIVULET_URL: server.url, RIVULET_TOKEN: token };
            const options = { cwd: folder, env, timeout: 60_000 };
            const { stdout } = await promisify(execFile)(PROGRAMS[snippet.language], [snippet.name], options);
            expect(stdout).toContain(expected);
          }
        });
      }
      await rm(folder, { recursive: true });
    }
  });

  test("are found, and a block that says run has a name", async () => {
    const text = await readFile(join(DOCS, "streaming.md"), "utf8");
    const running = snippets(text).filter((snippet) => snippet.isRun);
    expect(running.map((snippet) => snippet.language)).toEqual(["sh", "sh", "js", "html", "py"]);
    for (const document of (await readdir(DOCS)).filter((name) => name.endsWith(".md"))) {
      const lines = (await readFile(join(DOCS, document), "utf8")).match(/^```\w+ .*\brun\b.*$/gm) ?? [];
      for (const line of lines) expect(line, document).toMatch(/name=[\w.-]+/);
    }
  });
});
