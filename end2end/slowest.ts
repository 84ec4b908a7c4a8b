// Prints the ten tests that took longest, after all others have said what they have to say.

import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

const COUNT = 10;

export default class Slowest implements Reporter {
  private readonly took: { title: string; ms: number }[] = [];

  onTestEnd(test: TestCase, result: TestResult): void {
    this.took.push({ title: test.title, ms: result.duration });
  }

  onExit(): void {
    const slowest = this.took.sort((one, other) => other.ms - one.ms).slice(0, COUNT);
    if (slowest.length < COUNT) return;
    console.log("The slowest:");
    for (const { title, ms } of slowest) console.log(`  ${(ms / 1000).toFixed(1).padStart(5)} s  ${title}`);
  }
}
