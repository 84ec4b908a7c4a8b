// Watches, in every page, how replies grow: when each was how long, and whether one was ever anything but longer.

import type { BrowserContext, Page } from "@playwright/test";

/** A reply's length and when it was shown, in milliseconds since 1970. */
export type Moment = [length: number, at: number];

interface Recording {
  /** Of the last reply. */
  moments: Moment[];
  /** Texts that did not go on from what the same reply had shown before, also before a reload. */
  faults: { before: string; after: string }[];
}

type Recorded = Window & { recording?: Recording };

export async function recordReplies(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    // A page that is not there yet has no storage.
    if (location.origin === "null") return;
    const recording: Recording = { moments: [], faults: [] };
    (window as Recorded).recording = recording;
    const known = JSON.parse(sessionStorage.getItem("recorded") ?? "{}") as Record<string, string>;
    let current = "";
    const look = () => {
      const reply = [...document.querySelectorAll(".reply")].at(-1);
      const id = reply?.closest("article")?.id;
      // While the page is being parsed it is not all there.
      if (!id || document.readyState === "loading") return;
      if (id !== current) recording.moments = [];
      current = id;
      const before = known[id] ?? "";
      const after = reply?.textContent ?? "";
      if (after === before) return;
      if (!after.startsWith(before)) recording.faults.push({ before, after });
      known[id] = after;
      recording.moments.push([after.length, performance.timeOrigin + performance.now()]);
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
    document.addEventListener("DOMContentLoaded", look);
    // Not when the page goes: until the next one is there, this one goes on with what the next cannot have yet.
    addEventListener("beforeunload", () => sessionStorage.setItem("recorded", JSON.stringify(known)));
  });
}

export async function recording(page: Page): Promise<Recording> {
  return page.evaluate(() => (window as Recorded).recording ?? { moments: [], faults: [] });
}
