// Formulas: TeX while it streams, MathML afterwards and when the page is loaded, TeX again where it is copied.

import { Looks } from "./a11y";
import { ask, expect, test } from "./helpers";

const TEXT = [
  "# The area under a bell",
  "For $x \\in \\mathbb{R}$ it is \\(\\sqrt{\\pi}\\), and a coffee is $5 or $6:",
  "\\[\\int_{-\\infty}^{\\infty} e^{-x^2} \\, dx = \\sqrt{\\pi}\\]",
  "$$A = \\begin{bmatrix} a_{11} & \\cdots & a_{1n} \\\\ \\vdots & \\ddots & \\vdots \\\\ a_{m1} & \\cdots & a_{mn} \\end{bmatrix}, \\quad f(x) = \\begin{cases} x & \\text{if } x \\ge 0 \\\\ -x & \\text{otherwise} \\end{cases}$$",
  "- so \\(\\boxed{x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}}\\)\n- but \\(\\ce{2H2 + O2}\\) stays",
  "\\[\\begin{aligned} (a+b)^2 &= (a+b)(a+b) \\\\ &= a^2 + 2ab + b^2 + \\underbrace{c + d + e + f + g + h + i + j + k + l + m + n + o + p + q}_{\\text{nothing}} \\end{aligned}\\]",
  "The end.",
].join("\n\n");

test("z25_a_formula_is_tex_while_it_streams_and_mathml_afterwards_as_on_a_reload", async ({ chat, page, upstream }) => {
  await chat.open();
  await chat.say(ask("Formulas", { text: TEXT, hold_after: [30] }));
  const reply = chat.prose.last();
  await expect(reply).toContainText("\\(\\sqrt{\\pi}\\)");
  await expect(reply.locator("math")).toHaveCount(0);
  await upstream.go();
  await chat.ended();
  await expect(reply.locator("math")).toHaveCount(6);
  await expect(reply).toContainText("a coffee is $5 or $6:");
  await expect(reply).toContainText("\\(\\ce{2H2 + O2}\\) stays");
  const live = await reply.locator(".prose").innerHTML();
  const sizes = await reply.locator("math").evaluateAll((all) => all.map((math) => math.getBoundingClientRect().height));
  for (const height of sizes) expect(height, "the browser sets it").toBeGreaterThan(12);
  await chat.reload();
  expect(await reply.locator(".prose").innerHTML()).toBe(live);
});

test("z25_a_selection_with_formulas_is_copied_as_tex", async ({ chat, context, page }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await chat.open();
  await chat.say(ask("Formulas", { text: "So \\(a^2\\) and:\n\n\\[\\frac{1}{2}\\]\n\nend." }));
  await chat.ended();
  await expect(chat.prose.locator("math")).toHaveCount(2);
  await page.evaluate(() => getSelection()?.selectAllChildren(document.querySelector(".reply .prose") as Element));
  await page.keyboard.press("ControlOrMeta+c");
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  // The browser breaks the line behind a formula, which TeX and Markdown read as a blank.
  expect(copied.replace(/\s+/g, " ").trim()).toBe("So \\(a^2\\) and: \\[\\frac{1}{2}\\] end.");
});

test("z25_formulas_pass_axe_and_fit_in_four_looks", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("Formulas", { text: TEXT }));
  await chat.ended();
  await expect(chat.prose.last().locator("math")).toHaveCount(6);
  const looks = new Looks(page);
  await looks.at("formulas");
  expect(looks.faults()).toEqual([]);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("z25_formulas_are_set_by_the_server_alone", async ({ chat, page, upstream }) => {
    await upstream.next({ text: "So \\(a^2\\)." });
    await page.goto("/");
    await chat.field.fill("What?");
    await chat.send.click();
    await expect(chat.prose.locator("math")).toHaveCount(1);
  });
});
