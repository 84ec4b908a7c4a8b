// A real nginx in front of the server, with a folder of its own for all that it writes.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Program } from "./processes";

/** Where it is; empty where this machine has none (scripts/end2end). */
const NGINX = process.env.RIVULET_NGINX ?? "";

/** How long a former process of nginx may go on with what it has begun. */
const SHUTDOWN = "500ms";
const [CERTIFICATE, KEY] = ["certificate.pem", "key.pem"];

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

/** What stands in nginx's `http`: it listens on the port that it is told, and may use what is in the folder. */
type Site = (port: number, folder: string) => string;

/** deploy/nginx.conf, with these two addresses for Rivulet's and without what needs a certificate. */
export async function recommended(...to: [string, string]): Promise<Site> {
  const [file, change] = [await configured(to), replaced];
  return (port) => {
    let text = change(file, "listen 443 ssl http2;", `listen 127.0.0.1:${port};`);
    return change(text, /(.*ssl_certificate.*\n)+/, "");
  };
}

/** deploy/nginx.conf with a certificate, and so with HTTP/2. */
export async function encrypted(...to: [string, string]): Promise<Site> {
  const [file, change] = [await configured(to), replaced];
  return (port, folder) => {
    let text = change(file, "listen 443 ssl http2;", `listen 127.0.0.1:${port} ssl http2;`);
    text = change(text, "/etc/ssl/certs/chat.example.org.pem", `${folder}/${CERTIFICATE}`);
    return change(text, "/etc/ssl/private/chat.example.org.key", `${folder}/${KEY}`);
  };
}

function replaced(text: string, from: string | RegExp, to: string): string {
  if (text.search(from) < 0) throw new Error(`deploy/nginx.conf has no ${from}`);
  return text.replace(from, to);
}

/** deploy/nginx.conf, with these two addresses for Rivulet's and nothing but the site itself. */
async function configured(to: [string, string]): Promise<string> {
  const file = await readFile(resolve(__dirname, "../deploy/nginx.conf"), "utf8");
  let text = replaced(file, "127.0.0.1:3000", to[0]);
  text = replaced(text, "127.0.0.1:3001", to[1]);
  text = replaced(text, /server \{\n[^}]*return 308[^}]*\}\n/, "");
  return replaced(text, /.*listen \[::\]:443 ssl http2;\n/, "");
}

/** A self-signed certificate, made for this run. */
async function certify(folder: string): Promise<void> {
  const flags = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"];
  await promisify(execFile)("openssl", ["req", ...flags, "-keyout", join(folder, KEY), "-out", join(folder, CERTIFICATE)]);
}

/** A host and port on which no process listens. */
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

  static async start(site: Site): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), "rivulet-nginx-"));
    const port = Number((await freeAddress()).split(":")[1]);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    for (const name of temporary) await mkdir(join(folder, name));
    const served = site(port, folder);
    const secure = served.includes("ssl_certificate");
    if (secure) await certify(folder);
    const text = `
      ${process.getuid?.() === 0 ? "user root;" : ""}
      worker_processes 1;
      worker_shutdown_timeout ${SHUTDOWN};
      pid ${folder}/pid;
      error_log stderr notice;
      events { worker_connections 768; }
      http {
        access_log off;
        ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n")}
        ${served}
      }`;
    const file = join(folder, "nginx.conf");
    await writeFile(file, text);
    const program = await Program.start(NGINX, {}, /(start worker process) /, ["-p", folder, "-c", file, "-g", "daemon off;"]);
    return new Nginx(folder, program, `${secure ? "https" : "http"}://127.0.0.1:${port}`);
  }

  /** Starts anew with the same configuration; what the old process still has open is cut after a moment. */
  reload(): void {
    this.program.tell("SIGHUP");
  }

  async end(): Promise<void> {
    await this.program.end("SIGTERM");
    await rm(this.folder, { recursive: true, force: true });
  }
}
