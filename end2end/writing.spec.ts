// Writing a message, and what belongs to a conversation: its drafts, name, instructions and model.

import { Chat, ask, expect, test } from "./helpers";

test("a draft survives a reload, each conversation its own", async ({ chat, page }) => {
  await chat.open();
  await chat.say(ask("The matter", { pieces: 3 }));
  await chat.ended();
  await expect(chat.field).toHaveValue("");
  await chat.field.fill("Half a thought");
  await chat.reload();
  await expect(chat.field).toHaveValue("Half a thought");

  await chat.sidebar.getByRole("link", { name: "New conversation" }).click();
  await expect(chat.field).toBeFocused();
  await expect(chat.field).toHaveValue("");
  await chat.field.fill("Another thought");
  await chat.titles.click();
  await expect(chat.field).toHaveValue("Half a thought");
  await page.goBack();
  await expect(chat.field).toHaveValue("Another thought");
  await chat.reload();
  await expect(chat.field).toHaveValue("Another thought");
});

test("what is typed while a message is on its way is there again, wherever one goes meanwhile", async ({ chat, noise, page }) => {
  noise.expect(/status of 503/);
  for (const words of ["Rhine", "Danube"]) {
    await chat.open();
    await chat.say(ask(words, { pieces: 3 }));
    await chat.ended();
  }
  const [here, there] = ["Rhine", "Danube"].map((hasText) => chat.titles.filter({ hasText }));
  for (const answer of ["arrives", "fails"]) {
    await here.click();
    await chat.shows("t0 t1 t2");
    let arrive = () => {};
    const arrival = new Promise<void>((done) => (arrive = done));
    await page.route("**/api/chat/send", async (route) => {
      await arrival;
      if (answer === "arrives") await route.continue();
      else await route.fulfill({ status: 503, contentType: "application/json", body: '"Unknown"' });
    });
    await chat.say(ask(`Slow, ${answer}`, { pieces: 3 }));
    await chat.field.fill("The next one");
    await there.click();
    await expect(chat.field).not.toHaveValue("The next one");
    await chat.field.fill("Elsewhere");
    const answered = page.waitForResponse("**/api/chat/send");
    arrive();
    await answered;
    await page.unroute("**/api/chat/send");
    await here.click();
    await expect(chat.field).toHaveValue(answer === "arrives" ? "The next one" : /^Slow, fails[^]*\n\nThe next one$/);
    await there.click();
    await expect(chat.field).toHaveValue("Elsewhere");
  }
});

test("Shift and Enter breaks the line, Enter alone sends, and nothing sends nothing", async ({ chat, page, upstream }) => {
  await chat.open();
  await chat.field.press("Enter");
  await chat.field.pressSequentially("First line");
  const height = (await chat.field.boundingBox())?.height ?? 0;
  await chat.field.press("Shift+Enter");
  await chat.field.pressSequentially("second line");
  await expect(chat.field).toHaveValue("First line\nsecond line");
  expect((await chat.field.boundingBox())?.height).toBeGreaterThan(height);
  await upstream.next({ text: "Both heard." });
  await chat.field.press("Enter");
  await chat.shows("Both heard.");
  expect(await chat.said.locator(".said").textContent()).toBe("First line\nsecond line");
  expect((await upstream.seen()).map(({ body }) => body.messages)).toEqual([[{ role: "user", content: "First line\nsecond line" }]]);
  await expect(page).toHaveTitle("First line · Rivulet");
});

test("text typed before our code runs stays, and can be sent", async ({ chat, page, upstream }) => {
  let arrive = () => {};
  const arrival = new Promise<void>((done) => (arrive = done));
  await page.route("**/*.wasm", async (route) => {
    await arrival;
    await route.continue();
  });
  await page.goto("/", { waitUntil: "commit" });
  await chat.field.fill("Too early a bird");
  await expect(page.locator("[data-awake]")).not.toBeAttached();
  arrive();
  await chat.awake();
  await expect(chat.field).toHaveValue("Too early a bird");
  await upstream.next({ text: "Caught." });
  await chat.field.press("Enter");
  await chat.shows("Caught.");
  await expect(chat.said).toContainText("Too early a bird");
});

test("an example fills the field, to be changed and sent", async ({ chat, page, upstream }) => {
  await chat.open();
  const example = page.getByRole("main").getByRole("listitem").getByRole("button").first();
  const words = await example.innerText();
  await example.click();
  await expect(chat.field).toHaveValue(words);
  await expect(chat.field).toBeFocused();
  await upstream.next({ text: "Gladly." });
  await page.keyboard.press("Enter");
  await chat.shows("Gladly.");
  await expect(chat.said).toContainText(words);
});

test("instructions and model reach the provider, from the first message and after a change", async ({ chat, page, upstream }) => {
  const instructions = page.getByText(/^Instructions/);
  const box = page.getByRole("textbox", { name: /What the model should know/ });
  await chat.open();
  await expect(chat.model).toHaveValue("anthropic/claude-test");
  await instructions.click();
  await box.fill("Speak like a river.");
  await chat.say(ask("First", { text: "Murmur." }));
  await chat.shows("Murmur.");
  const first = await upstream.asked("First");
  expect(first?.format).toBe("anthropic");
  expect(first?.body).toMatchObject({ model: "claude-test", system: "Speak like a river." });

  await chat.reload();
  await instructions.click();
  await expect(box).toHaveValue("Speak like a river.");
  await box.fill("Speak like a lake.");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(box).toBeHidden();
  const changed = page.waitForResponse(/\/api\/chat\/change/);
  await chat.model.selectOption("openai/gpt-test");
  await changed;
  await chat.say(ask("Second", { text: "Silence." }));
  await chat.shows("Silence.");
  const second = await upstream.asked("Second");
  expect(second?.format).toBe("openai");
  expect(second?.body.model).toBe("gpt-test");
  expect(second?.body.messages[0]).toEqual({ role: "system", content: "Speak like a lake." });
  await chat.reload();
  await expect(chat.model).toHaveValue("openai/gpt-test");
});

test("a conversation can be renamed and deleted, in every tab", async ({ chat, context, page }) => {
  await chat.open();
  await chat.say(ask("A poor name", { pieces: 3 }));
  await chat.ended();
  const second = new Chat(await context.newPage());
  await second.open(page.url());

  await page.bringToFront();
  await chat.titles.hover();
  await chat.sidebar.getByRole("button", { name: "Options for" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("A better name");
  await page.keyboard.press("Enter");
  for (const tab of [chat, second]) {
    await expect(tab.titles).toHaveText(["A better name"]);
    await expect(tab.heading).toHaveText("A better name");
    await expect(tab.page).toHaveTitle("A better name · Rivulet");
  }
  await chat.reload();
  await expect(chat.titles).toHaveText(["A better name"]);

  await chat.titles.hover();
  await chat.sidebar.getByRole("button", { name: "Options for" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await expect(page).toHaveURL(/\/$/);
  await expect(chat.titles).toHaveCount(0);
  await expect(second.titles).toHaveCount(0);
  await expect(second.page.getByText("This conversation was deleted.")).toBeVisible();
});
