// What the page of a site and the inbox share: pieces of the page that the server draws anew are put in place of the old ones
// without touching what stayed, a conversation is followed while it is written, and what is typed is sent once.
"use strict";

/** A sign of life comes every 15 seconds: a line that is silent for this long is dead. */
const SILENCE_MS = 40_000;
/** A lost line is tried again after this time, and twice as long each further time, up to the second value. */
const RETRY_MS = [500, 8_000];
/** A reply that is being written is set anew at most this often, and only where its newest piece can change how it looks. */
const SET_MS = 1_000;
const SET_SOON_MS = 250;
/** What makes text more than a plain sentence. */
const MARKUP = /[*_`[\]#|>\n~$]/;
/** A conversation is followed anew at most this often. */
const RESTART_MS = 5_000;
/** After this time a page that hears nothing is drawn grey. */
const GREY_MS = 30_000;

export const by = (id) => document.getElementById(id);

/** A version 7 UUID: the time, then random bits. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const now = Date.now();
  for (let at = 0; at < 6; at++) bytes[at] = Math.floor(now / 2 ** (8 * (5 - at))) & 255;
  bytes[6] = (bytes[6] & 15) | 112;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

// ---- What is drawn anew

const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key || node.id || null : null);
/** The script's own: the server draws them empty. */
const isOwn = (node) => node.nodeType === 1 && (node.hasAttribute("data-live") || ["broken", "news", "tell", "said"].includes(node.id));

function sameAttributes(now, next) {
  for (const { name } of [...now.attributes]) {
    if (!next.hasAttribute(name) && !(name === "open" && /^(DETAILS|DIALOG)$/.test(now.tagName))) now.removeAttribute(name);
  }
  for (const { name, value } of [...next.attributes]) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
}

/** Makes `now` look like `next`. What is equal stays the same element: focus, selection, scrolling and motion go on. */
export function morph(now, next) {
  if (isOwn(now)) return;
  if (now.nodeType !== 1) {
    if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
    return;
  }
  // What is typed, and the id that it is sent under, are the reader's.
  if (now.tagName === "INPUT" && (now.name === "message" || now.name === "begins")) return;
  sameAttributes(now, next);
  if (now.tagName !== "TEXTAREA") children(now, next);
}

function children(now, next) {
  const wanted = new Set([...next.childNodes].map(keyOf).filter(Boolean));
  const known = new Map([...now.childNodes].map((node) => [keyOf(node), node]).filter(([key]) => key));
  let at = now.firstChild;
  const skip = () => {
    // What is there no longer goes first, so that what stays need not move.
    while (at && keyOf(at) && !wanted.has(keyOf(at))) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };
  for (const node of [...next.childNodes]) {
    skip();
    const key = keyOf(node);
    const found = key ? known.get(key) : at && !keyOf(at) && at.nodeName === node.nodeName ? at : null;
    if (found && found.nodeName === node.nodeName) {
      if (found === at) at = at.nextSibling;
      else now.insertBefore(found, at);
      morph(found, node);
    } else {
      now.insertBefore(document.importNode(node, true), at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/** The page at `path` as the server draws it now. Throws what the server says where it refuses. */
export async function drawn(path, headers) {
  const answer = await fetch(path, { headers: { accept: "text/html", ...headers }, cache: "no-store" });
  if (!answer.ok) throw Object.assign(new Error(`status ${answer.status}`), { status: answer.status });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// ---- Times

const two = (number) => String(number).padStart(2, "0");

/** An age in few letters. */
function age(seconds) {
  if (seconds < 60) return "now";
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Clock times in the reader's zone, and ages that run. */
export function times(late = Infinity) {
  for (const time of document.querySelectorAll("time[data-clock]")) {
    const at = new Date(time.dateTime);
    const text = `${two(at.getHours())}:${two(at.getMinutes())}`;
    const isToday = at.toDateString() === new Date().toDateString();
    const shown = isToday ? text : `${at.toLocaleDateString()} ${text}`;
    if (time.textContent !== shown) time.textContent = shown;
  }
  for (const time of document.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, (Date.now() - new Date(time.dateTime)) / 1_000);
    if (time.textContent !== age(seconds)) time.textContent = age(seconds);
    time.toggleAttribute("data-late", time.hasAttribute("data-waits") && late * 60 <= seconds);
  }
}

// ---- The line

const cutOff = () => document.documentElement.hasAttribute("data-cut");

/** Says what is the matter with the line, or that nothing is. */
function tellLine(text) {
  const shown = by("broken");
  if (!shown) return;
  shown.hidden = !text;
  if (shown.textContent !== text) shown.textContent = text;
  clearTimeout(tellLine.grey);
  if (!text) document.documentElement.removeAttribute("data-cut");
  else if (!cutOff()) tellLine.grey = setTimeout(() => document.documentElement.setAttribute("data-cut", ""), GREY_MS);
}
const broken = new Set();
function lineIs(name, isGood) {
  isGood ? broken.delete(name) : broken.add(name);
  tellLine(broken.size ? (navigator.onLine ? "The connection is lost. Trying again…" : "You are offline.") : "");
}

/** Reads a stream of events, event by event. */
async function read(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", event = { name: "message", data: "" };
  for (;;) {
    let timer;
    const silence = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error("silence")), SILENCE_MS); });
    const { done, value } = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer));
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line) {
        if (event.data) heard(event);
        event = { name: "message", data: "", id: event.id };
        continue;
      }
      const [, field, text] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (field === "event") event.name = text;
      else if (field === "data") event.data += text;
      else if (field === "id") event.id = text;
    }
  }
}

/** Follows `path` from `cursor` until it is closed; a lost line goes on where it was. `refused` hears of an answer that will not
 * get better. */
export function follow(path, cursor, { headers, heard, refused, back }) {
  let abort = new AbortController(), isClosed = false, tries = 0, wake = () => {};
  const again = () => wake();
  addEventListener("online", again);
  document.addEventListener("visibilitychange", again);
  const wait = (ms) => new Promise((done) => { wake = done; setTimeout(done, ms); });
  const once = async () => {
    const from = cursor ? { "last-event-id": cursor } : {};
    const answer = await fetch(path, { headers: { accept: "text/event-stream", ...from, ...headers?.() }, signal: abort.signal, cache: "no-store" });
    if ([401, 403, 404].includes(answer.status)) {
      isClosed = true;
      lineIs(path, true);
      return refused(answer.status);
    }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    lineIs(path, true);
    if (tries) back?.();
    tries = 0;
    await read(answer.body, (event) => {
      if (event.id) cursor = event.id;
      if (!isClosed) heard(event.name, JSON.parse(event.data), event.id);
    });
  };
  (async () => {
    while (!isClosed) {
      try { await once(); } catch { /* Tried again below, and said. */ }
      if (isClosed) break;
      abort.abort();
      abort = new AbortController();
      if (tries) lineIs(path, false);
      await wait(Math.min(RETRY_MS[0] * 2 ** tries, RETRY_MS[1]) * (0.75 + Math.random() / 2));
      tries++;
    }
  })();
  return {
    close() {
      isClosed = true;
      abort.abort();
      wake();
      lineIs(path, true);
      removeEventListener("online", again);
      document.removeEventListener("visibilitychange", again);
    },
  };
}

// ---- A conversation while it is written

const place = (cursor) => {
  const [epoch, seq] = (cursor || ":0").split(":");
  return { epoch, seq: Number(seq) };
};

/** What the pieces of a reply are appended to: the end of the last block that is set, or a line of their own. */
function end(article) {
  const live = article.querySelector("[data-live]");
  const prose = article.querySelector(".prose");
  if (!prose || article.dataset.ends === "block") return live;
  let last = prose;
  while (last.lastElementChild && !/^(A|B|I|EM|STRONG|CODE|DEL|SPAN|BR|HR|IMG|INPUT)$/.test(last.lastElementChild.tagName)) last = last.lastElementChild;
  if (last === prose) return live;
  const tail = document.createElement("span");
  tail.className = "turn__tail";
  last.append(tail);
  return tail;
}

/**
 * Follows the conversation that `root()` says. `draw()` has the server draw it anew; pieces that came since are shown after
 * what is drawn, until they are drawn too.
 */
export function watch({ root, draw, headers, gone }) {
  let pieces = [], source = null, epoch = "", timer = 0, due = 0, isBusy = false, isAgain = false, failures = 0, began = 0;

  function tail() {
    const article = root()?.querySelector("article[data-open]");
    if (!article) return;
    article.querySelectorAll(".turn__tail").forEach((old) => old.remove());
    const text = pieces.map((piece) => piece.text).join("");
    const live = article.querySelector("[data-live]");
    const at = text ? end(article) : live;
    if (at !== live) live.textContent = "";
    at.textContent = text;
    article.toggleAttribute("data-begun", Boolean(text) || Boolean(article.querySelector(".prose")?.textContent));
    delete live.dataset.waiting;
  }

  /** Keeps the newest text in view where it was in view. */
  function keeping(change) {
    const scroller = by("scroll") || document.documentElement;
    const isDown = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 120;
    change();
    if (isDown) scroller.scrollTop = scroller.scrollHeight;
  }

  function soon(ms) {
    const at = Date.now() + ms;
    if (timer && due <= at) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(now, ms);
  }

  async function now() {
    clearTimeout(timer);
    timer = 0;
    if (isBusy) { isAgain = true; return; }
    isBusy = true;
    try {
      do {
        isAgain = false;
        const change = await draw();
        if (!change) return;
        keeping(() => { change(); settle(); });
        failures = 0;
      } while (isAgain);
    } catch (error) {
      if ([401, 403, 404].includes(error.status)) return gone(error.status);
      soon(Math.min(500 * 2 ** failures++, 8_000));
    } finally { isBusy = false; }
  }

  /** After something was drawn: what is in it is no longer to be appended. */
  function settle() {
    const drawnAt = place(root()?.dataset.cursor);
    if (!source) return start();
    if (drawnAt.epoch !== epoch) {
      // Drawn by another process than the one that is followed. Where that goes on, what is drawn is what is shown.
      if (RESTART_MS < Date.now() - began) return start();
      pieces = [];
      soon(SET_MS);
    }
    pieces = pieces.filter((piece) => drawnAt.seq < piece.seq);
    tail();
  }

  function heard(name, data, id) {
    const at = place(id);
    if (name === "token") {
      // Of another epoch: what is shown may be older than its beginning.
      if (at.epoch !== epoch) return soon(SET_MS);
      pieces.push({ seq: at.seq, text: data.text });
      keeping(tail);
      const text = pieces.map((piece) => piece.text).join("");
      if (MARKUP.test(text)) soon(text.includes("\n\n") ? SET_SOON_MS : SET_MS);
      return;
    }
    if (name === "waiting") {
      const live = root()?.querySelector("[data-live]");
      if (live) live.dataset.waiting = data.message;
      return;
    }
    if (name === "thinking" || name === "resumed" || name === "presence") return;
    if (name === "deleted") return gone(404);
    if (at.epoch && at.epoch !== epoch) { epoch = at.epoch; pieces = []; }
    now();
  }

  function start() {
    source?.close();
    source = null;
    pieces = [];
    const { events, cursor } = root()?.dataset ?? {};
    epoch = place(cursor).epoch;
    began = Date.now();
    if (!events) return;
    source = follow(events, cursor, { headers, heard, refused: gone, back: now });
    tail();
  }

  start();
  return { now, start, stop: () => { source?.close(); source = null; clearTimeout(timer); } };
}

// ---- Sending

/** Asks, and answers whether it is wanted. */
export function sure(text) {
  return new Promise((done) => {
    const dialog = document.createElement("dialog");
    dialog.className = "ask";
    const said = document.createElement("p");
    said.textContent = text;
    said.id = "ask";
    dialog.setAttribute("aria-labelledby", "ask");
    const form = document.createElement("form");
    form.method = "dialog";
    for (const [value, label, kind] of [["yes", "Yes", "button"], ["", "No", "button button--quiet"]]) {
      const button = document.createElement("button");
      button.value = value;
      button.textContent = label;
      button.className = kind;
      form.append(button);
    }
    dialog.append(said, form);
    dialog.addEventListener("close", () => { dialog.remove(); done(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Says what went wrong above the field; nothing: all is well. */
export function say(text) {
  const said = by("said");
  if (!said) return;
  said.replaceChildren();
  if (!text) return;
  const line = document.createElement("p");
  line.className = "alert";
  line.setAttribute("role", "alert");
  line.textContent = text;
  said.append(line);
}

const KEPT = "What you wrote is still here.";

/** A request with JSON. What it answers; throws a sentence for people, with the status. */
export async function request(method, path, body, headers) {
  let answer;
  try {
    answer = await fetch(path, {
      method, headers: { ...(body ? { "content-type": "application/json" } : {}), ...headers }, body: body && JSON.stringify(body),
    });
  } catch { throw Object.assign(new Error(`The server cannot be reached. ${KEPT}`), { status: 0 }); }
  const said = answer.status === 204 || answer.status === 202 ? await answer.json().catch(() => null) : await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said?.detail || `That did not work. ${KEPT}`), { status: answer.status });
  return said;
}

/**
 * What the field's form sends. An answer that was lost is asked for again under the same id, so that nothing is said twice;
 * another text gets another id.
 */
export class Outgoing {
  #tried = null;
  #isBusy = false;

  /** The id that this text goes under. */
  id(form, content) {
    if (this.#tried && this.#tried !== content) form.elements.message.value = newId();
    this.#tried = content;
    return form.elements.message.value;
  }

  /** Sends by `ask(id, content)` unless it is being sent. Whether it was taken. */
  async send(form, ask) {
    const field = form.elements.text, content = field.value;
    if (this.#isBusy || !content.trim()) return false;
    this.#isBusy = true;
    form.setAttribute("aria-busy", "true");
    try {
      await ask(this.id(form, content), content);
      this.#tried = null;
      form.elements.message.value = newId();
      if (field.value === content) field.value = "";
      grow(field);
      say("");
      return true;
    } catch (error) {
      say(error.message);
      return error;
    } finally {
      this.#isBusy = false;
      form.removeAttribute("aria-busy");
    }
  }
}

/** The field is as high as what is in it, up to a third of the page. */
export function grow(field) {
  if (!field) return;
  field.style.blockSize = "auto";
  field.style.blockSize = `${Math.min(field.scrollHeight + 2, innerHeight / 3)}px`;
}

/** Buttons that are requests of their own, and forms that ask first. `after(button)` hears of a request that was taken. */
export function buttons({ headers, after }) {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[data-request]");
    if (!button) return;
    event.preventDefault();
    if (button.dataset.sure && !(await sure(button.dataset.sure))) return;
    const seconds = button.dataset.seconds && Number(by(button.dataset.seconds).value);
    button.disabled = true;
    try {
      await request(button.dataset.request, button.dataset.path, seconds ? { seconds } : undefined, headers?.());
      say("");
      if (button.dataset.then) return location.assign(button.dataset.then);
      after(button);
    } catch (error) { say(error.message); } finally { button.disabled = false; }
  });
  document.addEventListener("submit", async (event) => {
    const asked = event.submitter?.dataset.sure;
    if (!asked) return;
    event.preventDefault();
    if (await sure(asked)) event.target.submit();
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

/** Says to the style sheet that there is code. */
export const awake = () => document.documentElement.setAttribute("data-awake", "");
