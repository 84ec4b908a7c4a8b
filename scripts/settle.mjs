// Makes the browser's half the same whenever it is built from the same sources, for scripts/build: cargo-leptos writes the time into every
// .gz file, and the names in one line of the code that loads parts in the order of a hash table.
//   node scripts/settle.mjs target/site
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const site = process.argv[2];
const files = readdirSync(site, { recursive: true }).map((name) => join(site, name));

const settled = (text) => text.replace(/\{ ((?:[\w$]+, )+) \}/g, (_, names) => `{ ${names.trim().split(" ").sort().join(" ")}  }`);

for (const file of files.filter((file) => /__wasm_split\.[^/]*\.js$/.test(file))) {
  const text = Buffer.from(settled(readFileSync(file, "utf8")));
  writeFileSync(file, text);
  const options = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } };
  if (files.includes(`${file}.br`)) writeFileSync(`${file}.br`, brotliCompressSync(text, options));
  if (files.includes(`${file}.gz`)) writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }));
}

for (const file of files.filter((file) => file.endsWith(".gz"))) {
  const bytes = readFileSync(file);
  bytes.fill(0, 4, 8); // When it was made.
  writeFileSync(file, bytes);
}
