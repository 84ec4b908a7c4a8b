// What a reply tells about itself: that the model thinks and for how long, how it ended, what it used; and what a person can
// set for it.

import { Chat, ask, expect, providers, test } from "./helpers";

/** A model that is silent at first, then says that it thinks but not what, then thinks aloud, falls silent and speaks. */
const THINKER = { first_ms: 2500, silent_ms: 4500, thinking: 3, hold_after: [0], text: "The answer." };

/** How far two pages' seconds may be apart: each draws them once a second, and began between two. */
const OFF = 2;

/** The seconds in what the page says about thinking. */
const seconds = async (chat: Chat): Promise<number> => {
  const words = (await chat.replied.last().locator(".thinking:visible").innerText()).match(/^(?:Thinking|Thought) for (?:(\d+) min )?(\d+) s/);
  return 60 * Number(words?.[1] ?? 0) + Number(words?.[2] ?? 0);
};

test("a thinking model is shown truthfully the whole time, to viewers who watch, reload, or come late with a wrong clock", async ({ browse, chat, page, server, upstream }) => {
  const thinking = chat.replied.last().locator(".thinking:visible");
  await chat.open();
  await chat.say(ask("Think", THINKER));
  await expect(chat.status).toHaveText("Waiting for the model…");
  await expect(chat.replied).toHaveCount(1);
  await expect(thinking).toHaveCount(0);

  await expect(chat.status).toHaveText("Thinking…");
  await expect(thinking).toHaveText(/^Thinking/);
  await expect(thinking).toHaveText(/^Thinking for [12] s$/);
  expect(await thinking.evaluate((element) => element.tagName), "there is nothing to unfold").toBe("P");

  const context = await browse({ storageState: await page.context().storageState() });
  await context.addInitScript(() => {
    const hour = 3_600_000;
    const now = Date.now;
    Date.now = () => now() + hour;
    const arrived = Object.getOwnPropertyDescriptor(PerformanceTiming.prototype, "responseStart");
    Object.defineProperty(PerformanceTiming.prototype, "responseStart", { get: function () { return arrived?.get?.call(this) + hour; } });
  });
  const late = new Chat(await context.newPage());
  await late.open(new URL(page.url()).pathname === "/" ? server.url : page.url());
  await expect.poll(() => seconds(late)).toBeGreaterThanOrEqual(2);
  // It would be an hour more by that clock.
  const [first, told_late, second] = [await seconds(chat), await seconds(late), await seconds(chat)];
  expect(told_late).toBeGreaterThanOrEqual(first - OFF);
  expect(told_late).toBeLessThanOrEqual(second + OFF);

  const before = await seconds(chat);
  await chat.reload();
  await expect.poll(() => seconds(chat)).toBeGreaterThanOrEqual(before);
  await expect(chat.status).toHaveText("Thinking…");

  const summary = chat.replied.last().locator("summary");
  await expect(summary).toHaveText(/^Thinking for \d+ s$/);
  await summary.click();
  await expect(chat.replied.last().getByText("thought0 thought1 thought2")).toBeVisible();
  await expect.poll(() => seconds(chat)).toBeGreaterThanOrEqual(6);

  const last = await seconds(chat);
  await upstream.go();
  await chat.shows("The answer.");
  await expect(summary).toHaveText(/^Thought for \d+ s$/);
  expect(await seconds(chat)).toBeGreaterThanOrEqual(last);
  expect(await seconds(chat)).toBeLessThan(last + 3);
  const told = await summary.innerText();
  await expect(late.replied.last().locator("summary")).toHaveText(told);
  await chat.reload();
  await expect(summary).toHaveText(told);
  await expect(chat.replied.last().getByText("thought0")).toBeHidden();
});

test("a reply that reached its limit says so and can be continued, one that was refused cannot", async ({ chat, page }) => {
  const goOn = page.getByRole("button", { name: "Continue" });
  await chat.open();
  await chat.say(ask("Too much", { pieces: 3, stop_reason: "max_tokens" }));
  await expect(chat.ending(/reached the model’s length limit/)).toBeVisible();
  await chat.reload();
  await expect(chat.ending(/reached the model’s length limit/)).toBeVisible();
  await goOn.click();
  await expect(chat.prose.last()).toContainText("t19");
  expect((await chat.text()).startsWith("t0 t1 t2")).toBe(true);
  await expect(chat.ending(/length limit/)).toBeHidden();

  await chat.say(ask("Not that", { pieces: 3, stop_reason: "refusal" }));
  await expect(chat.ending(/declined to answer. Ask in other words/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Retry" })).toBeVisible();
  await expect(goOn).toBeHidden();
});

test("what was used is told at each reply and in all, and an estimate is called one", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("Count", { pieces: 20 }));
  const used = chat.replied.last().getByText(/tokens in/);
  await expect(used).toHaveText("11 tokens in, 20 out");
  await expect(used).toHaveAttribute("title", "As the provider counted.");
  await chat.model.selectOption({ label: "gpt-test" });
  await chat.say(ask("Do not count", { text: "12345678", usage: false }));
  await expect(used).toHaveText(/^about \d+ tokens in, 2 out$/);
  await chat.reload();
  await expect(used).toHaveText(/^about \d+ tokens in, 2 out$/);
  await page.getByText(/^Instructions/).click();
  await expect(page.getByText(/^This conversation: about \d+ tokens in, 22 out$/)).toBeVisible();
  await expect(page.getByText(/^All your conversations today: about/)).toBeVisible();
});

test("temperature, length and effort are set from the start or later, and what the model refuses is explained", async ({ chat, page, upstream }) => {
  const panel = page.getByText(/^Instructions/);
  const advanced = page.getByText("Advanced", { exact: true });
  const temperature = page.getByRole("spinbutton", { name: "Temperature" });
  await chat.open();
  await panel.click();
  await advanced.click();
  await temperature.fill("0.5");
  await page.getByRole("combobox", { name: "Effort" }).selectOption("high");
  await chat.say(ask("First", { text: "One." }));
  await chat.shows("One.");
  expect((await upstream.asked("First"))?.body).toMatchObject({ temperature: 0.5, output_config: { effort: "high" } });

  await chat.reload();
  await panel.click();
  await advanced.click();
  await expect(temperature).toHaveValue("0.5");
  await page.getByRole("spinbutton", { name: "Longest reply" }).fill("300");
  await page.getByRole("combobox", { name: "Effort" }).selectOption("");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(temperature).toBeHidden();
  await chat.say(ask("Second", { status: 400, error_message: "`temperature` is deprecated for this model.", times: 1 }));
  await expect(chat.ending(/does not take the conversation's “Temperature”/)).toBeVisible();
  const second = await upstream.asked("Second");
  expect(second?.body).toMatchObject({ temperature: 0.5, max_tokens: 300 });
  expect(second?.body).not.toHaveProperty("output_config");
});

test("a small model names the conversation after its first exchange, in the list too, and never over a person's name", async ({ serve, chat, page, upstream }) => {
  const server = await serve({ ...providers(upstream), RIVULET_TITLE_MODEL: "openai/gpt-test" });
  await upstream.next({ text: "They follow the easier way." });
  await upstream.next({ text: "Why rivers meander", first_ms: 500 });
  await chat.open(server.url);
  await chat.say("Why do rivers meander at all?");
  await chat.shows("They follow the easier way.");
  await expect(chat.titles).toHaveText(["Why do rivers meander at all?"]);
  await expect(chat.heading).toHaveText("Why rivers meander");
  await expect(chat.titles).toHaveText(["Why rivers meander"]);
  await expect(page).toHaveTitle("Why rivers meander · Rivulet");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a reply tells the same, and the parameters can be set", async ({ chat, page, upstream }) => {
    await page.goto("/");
    await chat.field.fill(ask("Plainly", { thinking: 2, text: "Heard." }));
    await chat.send.click();
    await chat.shows("Heard.");
    await expect(chat.replied.last().locator("summary")).toHaveText("Thought for a moment");
    await page.getByText(/^Instructions/).click();
    await page.getByText("Advanced", { exact: true }).click();
    await page.getByRole("spinbutton", { name: "Temperature" }).fill("0.25");
    await page.getByRole("button", { name: "Save" }).click();
    await chat.field.fill(ask("Again", { text: "Heard again." }));
    await chat.send.click();
    await chat.shows("Heard again.");
    expect((await upstream.asked("Again"))?.body).toMatchObject({ temperature: 0.25 });
  });
});
