// A real nginx in front of the server, with a folder of its own for all that it writes.

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Program } from "./processes";

/** Where it is; empty where this machine has none (scripts/end2end). */
const NGINX = process.env.RIVULET_NGINX ?? "";

export const hasNginx = NGINX !== "";

/** What Debian's nginx does when one line makes it a proxy: it buffers, speaks HTTP/1.0 and compresses; here, all types. */
export const usual = (to: string) => (port: number): string => `
  gzip on;
  gzip_types *;
  gzip_proxied any;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${to};
      proxy_set_header Host $http_host;
    }
  }`;

/** deploy/nginx.conf, with these two addresses for Rivulet's and without what needs a certificate. */
export async function recommended(...to: [string, string]): Promise<(port: number) => string> {
  const file = await readFile(resolve(__dirname, "../deploy/nginx.conf"), "utf8");
  const change = (text: string, from: string | RegExp, to: string) => {
    if (text.search(from) < 0) throw new Error(`deploy/nginx.conf has no ${from}`);
    return text.replace(from, to);
  };
  return (port) => {
    let text = change(file, "127.0.0.1:3000", to[0]);
    text = change(text, "127.0.0.1:3001", to[1]);
    text = change(text, /server \{\n[^}]*return 308[^}]*\}\n/, "");
    text = change(text, "listen 443 ssl http2;", `listen 127.0.0.1:${port};`);
    text = change(text, /.*listen \[::\]:443 ssl http2;\n/, "");
    return change(text, /(.*ssl_certificate.*\n)+/, "");
  };
}

/** Host and port that nobody listens on. */
export async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

export class Nginx {
  private constructor(
    private readonly folder: string,
    private readonly program: Program,
    readonly url: string,
  ) {}

  /** `site` is what stands in its `http`, listening on the port that it is told. */
  static async start(site: (port: number) => string): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), "rivulet-nginx-"));
    const port = Number((await freeAddress()).split(":")[1]);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    for (const name of temporary) await mkdir(join(folder, name));
    const text = `
      ${process.getuid?.() === 0 ? "user root;" : ""}
      worker_processes 1;
      pid ${folder}/pid;
      error_log stderr notice;
      events { worker_connections 768; }
      http {
        access_log off;
        ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n")}
        ${site(port)}
      }`;
    const file = join(folder, "nginx.conf");
    await writeFile(file, text);
    const program = await Program.start(NGINX, {}, /(start worker process) /, ["-p", folder, "-c", file, "-g", "daemon off;"]);
    return new Nginx(folder, program, `http://127.0.0.1:${port}`);
  }

  async end(): Promise<void> {
    await this.program.end("SIGTERM");
    await rm(this.folder, { recursive: true, force: true });
  }
}
