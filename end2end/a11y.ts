// How a page is looked at: by axe, by day and by night, on a phone and on a desk, and for whoever wants to see it.

import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };

export class Looks {
  private readonly found = new Set<string>();

  constructor(private readonly page: Page) {}

  /** Looks at the page as it is now. RIVULET_SHOTS is a folder for pictures of it. */
  async at(name: string): Promise<void> {
    const { page, found } = this;
    const shots = process.env.RIVULET_SHOTS;
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        const { violations } = await new AxeBuilder({ page }).analyze();
        for (const { id, nodes } of violations) for (const { html } of nodes) found.add(`${name}, ${colorScheme}, ${size}: ${id}: ${html}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (0 < overflow) found.add(`${name}, ${size}: ${overflow} px too wide`);
        if (shots) await page.screenshot({ path: `${shots}/${name}-${size}-${colorScheme}.png`, fullPage: true });
      }
    }
  }

  /** What was wrong with any of the pages. */
  faults(): string[] {
    return [...this.found];
  }
}
