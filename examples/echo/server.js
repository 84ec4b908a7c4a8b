// The application that the page belongs to. It plays the part of Laravel: it serves the page, and asks Rivulet in the page's
// place with a token that never leaves it. The WebSocket goes from the browser to Rivulet directly.

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const RIVULET = new URL(process.env.RIVULET_URL ?? "http://127.0.0.1:3000");
const { RIVULET_TOKEN, RIVULET_PUSHER_KEY } = process.env;
if (!RIVULET_TOKEN || !RIVULET_PUSHER_KEY) {
  console.error("Set RIVULET_TOKEN (an API token that may write) and RIVULET_PUSHER_KEY (see /admin/connect).");
  process.exit(1);
}

const HERE = dirname(fileURLToPath(import.meta.url));
const { resolve } = createRequire(import.meta.url);
const beside = (name, file) => join(dirname(resolve(name)), file);
const FILES = {
  "/": [join(HERE, "index.html"), "text/html; charset=utf-8"],
  "/page.js": [join(HERE, "page.js"), "text/javascript"],
  "/conversation.js": [join(HERE, "conversation.js"), "text/javascript"],
  "/pusher.js": [beside("pusher-js", "../web/pusher.js"), "text/javascript"],
  "/echo.js": [beside("laravel-echo", "echo.iife.js"), "text/javascript"],
};

// A real application says here who is signed in, and which conversations are theirs.
const forwarded = (path) => path === "/broadcasting/auth" || path.startsWith("/api/v1/conversations");

async function forward(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const type = request.url === "/broadcasting/auth" ? request.headers["content-type"] : "application/json";
  const answer = await fetch(new URL(request.url, RIVULET), {
    method: request.method,
    headers: { Authorization: `Bearer ${RIVULET_TOKEN}`, "Content-Type": type ?? "" },
    body: request.method === "GET" ? undefined : Buffer.concat(chunks),
  });
  response.writeHead(answer.status, { "Content-Type": answer.headers.get("content-type") ?? "application/json" });
  response.end(Buffer.from(await answer.arrayBuffer()));
}

const server = createServer((request, response) => {
  const path = request.url.split("?")[0];
  if (path === "/config.json") {
    const tls = RIVULET.protocol === "https:";
    const port = Number(RIVULET.port || (tls ? 443 : 80));
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify({ key: RIVULET_PUSHER_KEY, host: RIVULET.hostname, port, tls }));
  }
  if (FILES[path]) {
    const [file, type] = FILES[path];
    response.setHeader("Content-Type", type);
    return createReadStream(file).pipe(response);
  }
  if (forwarded(path)) {
    return forward(request, response).catch(() => response.writeHead(502).end("{}"));
  }
  response.writeHead(404).end();
});
server.listen(Number(process.env.PORT ?? 4000), "127.0.0.1", () => {
  console.log(`The page listens on http://127.0.0.1:${server.address().port}`);
});
