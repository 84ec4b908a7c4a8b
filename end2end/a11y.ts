// Checks a page with axe, in the light and the dark scheme, on a phone and on a desktop, and takes screenshots of it.

import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };

export class Looks {
  private readonly found = new Set<string>();

  constructor(private readonly page: Page) {}

  /** Checks the page in its current state. RIVULET_SHOTS is a folder for the screenshots. */
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

  /** The violations of all pages. */
  faults(): string[] {
    return [...this.found];
  }
}
