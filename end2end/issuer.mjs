// An OpenID Connect issuer that is not ours (the npm package oidc-provider), with people who are called as they log in.
// It listens on a free port and says where. RIVULET is the address of the server that it serves.
//
// PUT /tampered {"asked": {...}, "answered": {...}} overwrites parameters of the next requests and answers, as an
// attacker in between would.

import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const callback = `${process.env.RIVULET}/sign-in/oidc/callback`;
let tampered = {};

const server = createServer(async (request, response) => {
  // It has none, which browsers complain about.
  if (request.url === "/favicon.ico") return response.writeHead(204).end();
  if (request.url !== "/tampered") return answer(request, response);
  let body = "";
  for await (const chunk of request) body += chunk;
  tampered = JSON.parse(body);
  response.end();
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${server.address().port}`;

const client = (client_id) => ({ client_id, client_secret: `the secret of ${client_id}`, redirect_uris: [callback] });
const provider = new Provider(url, {
  clients: [client("rivulet"), client("another")],
  claims: { email: ["email", "email_verified"], profile: ["preferred_username"] },
  cookies: { keys: ["a key of the test"] },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@example.org`, email_verified: true, preferred_username: sub }),
  }),
});
provider.use(async (context, next) => {
  if (context.path === "/auth") context.query = { ...context.query, ...tampered.asked };
  await next();
  const to = context.response.get("location");
  if (!to?.startsWith(callback)) return;
  const back = new URL(to);
  for (const [name, value] of Object.entries(tampered.answered ?? {})) back.searchParams.set(name, value);
  context.set("location", back.href);
});
const answer = provider.callback();
console.log(`The issuer listens on ${url}`);
