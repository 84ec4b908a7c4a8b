// One HTTP/2 connection for many streams, and the next one when the server sends it away, as a browser does it.

import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { Ask } from "./viewer";

export class Http2 {
  /** How often it connected. */
  connections = 0;
  /** How often it was told to go. */
  goaways = 0;
  private session?: ClientHttp2Session;

  constructor(private readonly origin: string) {}

  readonly ask: Ask = async (url, headers, signal) => {
    const stream = this.connected().request({ ":path": new URL(url).pathname, ...headers }, { signal });
    const status = await new Promise<number | undefined>((told) => {
      stream.on("response", (head) => told(head[":status"]));
      stream.on("error", () => told(undefined));
      stream.on("close", () => told(undefined));
    });
    return status === undefined ? undefined : { status, body: pieces(stream) };
  };

  end(): void {
    this.session?.destroy();
  }

  private connected(): ClientHttp2Session {
    if (this.session && !this.session.closed && !this.session.destroyed) return this.session;
    // The test's certificate is self-signed.
    const session = connect(this.origin, { rejectUnauthorized: false });
    this.connections += 1;
    session.on("goaway", () => {
      this.goaways += 1;
      if (this.session === session) this.session = undefined;
    });
    // Its streams tell.
    session.on("error", () => {});
    this.session = session;
    return session;
  }
}

/** To the end of the stream; one that broke has ended, too. */
async function* pieces(stream: ClientHttp2Stream): AsyncIterable<Uint8Array> {
  try {
    for await (const piece of stream) yield piece;
  } catch {
    // The follower reconnects.
  }
}
