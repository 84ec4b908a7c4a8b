// How the browser tests run: against the release build, in the browser that the machine has (scripts/end2end names it).

import { defineConfig } from "@playwright/test";

const isRoot = process.getuid?.() === 0;

/** Nothing that a browser does for its maker: a test is to see our requests and no others. */
const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

export default defineConfig({
  testDir: ".",
  outputDir: "results",
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  use: {
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.RIVULET_CHROMIUM || undefined,
      args: isRoot ? [...QUIET, "--no-sandbox"] : QUIET,
    },
  },
});
