// How the browser tests run: in the browser that the machine has, or else in Playwright's own (`npx playwright install`).
// Which program they test, processes.ts says.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
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

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The first browser on the path that the tests can drive. */
function browser(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome"];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

export default defineConfig({
  testDir: __dirname,
  testMatch: process.env.RIVULET_SCREENSHOT ? "screenshot.ts" : "*.spec.ts",
  outputDir: join(__dirname, "results"),
  globalSetup: join(__dirname, "prepare.ts"),
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  // The list tells each test's time, the other the ten that took longest.
  reporter: [["list"], [join(__dirname, "slowest.ts")]],
  use: {
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: browser(),
      args: isRoot ? [...QUIET, "--no-sandbox"] : QUIET,
    },
  },
});
