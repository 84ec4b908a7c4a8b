// Completes the browser's files, for scripts/build: what lies in public/, the style sheet in one file, wasm-opt, and everything also
// compressed. The same sources give the same bytes.
//   node scripts/site.mjs target/site
import { execFile } from "node:child_process";
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { bundle } from "lightningcss";
import { minify } from "terser";

const run = promisify(execFile);
const site = process.argv[2];
const pkg = join(site, "pkg");
const settings = readFileSync("Cargo.toml", "utf8");

// A version as lightningcss counts it.
const version = (major, minor = 0) => (major << 16) | (minor << 8);
// Older browsers get no other style sheet; what these do not know is written in a way that they do.
const BROWSERS = { chrome: version(109), edge: version(109), firefox: version(115), safari: version(16, 4), ios_saf: version(16, 4) };

cpSync("public", site, { recursive: true });
const { code: style } = bundle({ filename: "style/main.css", minify: true, targets: BROWSERS });
writeFileSync(join(pkg, "rivulet.css"), style);

// The names in one line of the code that loads parts are in the order of a hash table.
const settled = (text) => text.replace(/\{ ((?:[\w$]+, )+) \}/g, (_, names) => `{ ${names.trim().split(" ").sort().join(" ")}  }`);
for (const name of readdirSync(pkg).filter((name) => /^__wasm_split\.[^/]*\.js$/.test(name))) {
  writeFileSync(join(pkg, name), settled(readFileSync(join(pkg, name), "utf8")));
}
const glue = join(pkg, "rivulet.js");
writeFileSync(glue, (await minify(readFileSync(glue, "utf8"), { module: true })).code);

// The options that cargo-leptos reads too.
const options = JSON.parse(settings.match(/^wasm-opt-features = (\[[^\]]*\])/m)[1].replace(/,\s*\]/, "]"));
const programs = readdirSync(pkg).filter((name) => name.endsWith(".wasm")).map((name) => join(pkg, name));
// The largest first: it alone takes as long as the others.
programs.sort((a, b) => statSync(b).size - statSync(a).size);
const optimize = async () => {
  for (let file = programs.shift(); file; file = programs.shift()) await run("wasm-opt", [...options, file, "-o", file]);
};
await Promise.all(Array.from({ length: availableParallelism() }, optimize));

for (const name of readdirSync(site, { recursive: true })) {
  const file = join(site, name);
  if (statSync(file).isDirectory()) continue;
  const bytes = readFileSync(file);
  writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
}
