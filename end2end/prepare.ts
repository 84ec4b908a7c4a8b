// Builds what the tests run, where it is not there: the model API always (which takes a second when it is), and both halves
// of Rivulet when there is no program at all.

import { execFileSync } from "node:child_process";
import { ROOT, findProgram } from "./processes";

function cargo(...words: string[]): void {
  execFileSync("cargo", words, { cwd: ROOT, stdio: "inherit" });
}

export default function prepare(): void {
  cargo("build", "--quiet", "--locked", "--example", "upstream");
  if (!findProgram()) cargo("leptos", "build");
}
