// Reproducible random numbers: RIVULET_SEED=… repeats the run that printed it.

import { test } from "@playwright/test";

/** `count` numbers from 0 to 1. */
export function chances(count: number): number[] {
  const seed = Number(process.env.RIVULET_SEED ?? Date.now() % 1_000_000);
  console.log(`${test.info().title}: RIVULET_SEED=${seed}`);
  let state = seed;
  // Mulberry32: small, and good enough for choosing moments.
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  });
}
