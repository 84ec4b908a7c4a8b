// The live part of the inbox. Without it the forms work as they are.
"use strict";
import { Outgoing, awake, buttons, by, drawn, follow, grow, morph, request, say, sure, times, watch } from "/live.js";

/** The list is drawn anew at most this often. */
const LIST_MS = 400;
/** How often it is looked at where nothing tells of changes. */
const LOOK_MS = 2_000;
/** How long a row takes to its new place. */
const MOTION_MS = 150;
const DRAFT = "rivulet-draft-";

const list = () => by("list"), rows = () => by("rows"), thread = () => by("thread");
const openId = () => thread()?.dataset.id || "";
const late = () => Number(list()?.dataset.late) || Infinity;
const keys = (of) => [...of.querySelectorAll("#rows > li")].map((row) => row.dataset.key);

/** What the browser keeps, where it does. */
const kept = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) { try { value ? localStorage.setItem(name, value) : localStorage.removeItem(name); } catch { /* It keeps nothing. */ } },
};

// ---- The list

/** How many waited when it was last looked. */
let waited = Infinity;
/** How long the pointer may take from a row to the button that shows what is new. */
const WAY_MS = 400;
let held = null, timer = 0, isLooking = false, isDue = false, last = 0;

/** Somebody is about to press a row: nothing moves under them. */
const isTouched = () => {
  const all = rows();
  return Boolean(all) && (all.matches(":hover") || by("news").matches(":hover") || all.contains(document.activeElement));
};

/** Rows of further pages stay below the first. */
function withExtra(next) {
  const extra = [...document.querySelectorAll("#rows > li[data-extra]")];
  if (!extra.length) return;
  const known = new Set(keys(next));
  const end = next.getElementById("rows");
  for (const row of extra) if (!known.has(row.dataset.key)) end.append(document.importNode(row, true));
  const more = document.querySelector(".more-rows"), then = next.querySelector(".more-rows");
  if (more && then) then.replaceWith(document.importNode(more, true));
  else then?.remove();
}

function news(count) {
  const button = by("news");
  button.hidden = held === null;
  button.textContent = count ? `${count} new` : "Show what has changed";
}

function putList(next) {
  const now = list(), then = next.getElementById("list");
  if (!now || !then) return;
  withExtra(next);
  const [before, after] = [keys(document), keys(next)];
  const moves = before.join() !== after.join();
  if (moves && now.dataset.href === then.dataset.href && isTouched()) {
    held = next;
    const fresh = new Set(after);
    for (const row of rows().children) {
      const same = then.querySelector(`#rows > li[data-key="${row.dataset.key}"]`);
      if (same) morph(row, same);
      row.toggleAttribute("data-gone", !fresh.has(row.dataset.key));
    }
    morph(now.querySelector(".queues"), then.querySelector(".queues"));
    now.dataset.waiting = then.dataset.waiting;
    const known = new Set(before);
    news(after.filter((key) => !known.has(key)).length);
  } else {
    held = null;
    moving(() => morph(now, then));
    news(0);
  }
  settled(next.title);
}

/** What follows from a list that was drawn. */
function settled(title) {
  times(late());
  marks();
  const open = openId();
  for (const link of document.querySelectorAll("#rows a")) {
    const is = link.closest("li").dataset.key === open;
    if (is) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  if (title) document.title = title;
  if ((list()?.dataset.events ?? "") !== following) listen();
  const waiting = Number(list()?.dataset.waiting) || 0;
  // Where no stream says who it is, the count says that somebody is.
  if (!isTold && waited < waiting) tell("Somebody waits for a person.", "");
  waited = waiting;
  (waiting ? navigator.setAppBadge?.(waiting) : navigator.clearAppBadge?.())?.catch(() => {});
}

/** Rows go to their new places, where motion is wanted. */
function moving(change) {
  const at = () => new Map([...(rows()?.children ?? [])].map((row) => [row, row.getBoundingClientRect().top]));
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return change();
  const before = at();
  change();
  for (const [row, top] of at()) {
    const from = before.get(row);
    if (from === undefined) row.animate({ opacity: [0, 1] }, { duration: MOTION_MS });
    else if (from !== top) row.animate({ transform: [`translateY(${from - top}px)`, "none"] }, { duration: MOTION_MS, easing: "ease-out" });
  }
}

function release() {
  if (!held) return;
  const next = held;
  held = null;
  moving(() => morph(list(), next.getElementById("list")));
  news(0);
  settled(next.title);
}

function lookSoon() {
  if (timer) return;
  timer = setTimeout(look, Math.max(0, last + LIST_MS - Date.now()));
}

async function look() {
  clearTimeout(timer);
  timer = 0;
  if (isLooking) { isDue = true; return; }
  isLooking = true;
  last = Date.now();
  try {
    do {
      isDue = false;
      const href = list().dataset.href;
      const next = await drawn(`${href}&part=list`);
      if (href === list().dataset.href) putList(next);
    } while (isDue);
  } catch (error) {
    if ([401, 403, 404].includes(error.status)) return away();
    setTimeout(lookSoon, 2_000);
  } finally { isLooking = false; }
}

/** Another queue or site. */
async function goTo(href, push = true) {
  const id = openId(), url = new URL(href, location.href);
  try {
    const next = await drawn(`${url.pathname}${url.search}&part=list`);
    held = null;
    for (const row of document.querySelectorAll("li[data-extra]")) row.remove();
    morph(list(), next.getElementById("list"));
    news(0);
    settled(next.title);
    if (push) history.pushState(null, "", id ? `/inbox/${id}${url.search}` : `${url.pathname}${url.search}`);
    const current = document.querySelector(".queues [aria-current]");
    if (document.activeElement?.closest(".queues")) current?.focus();
  } catch { location.assign(href); }
}

async function more(link) {
  try {
    const next = await drawn(`${link.getAttribute("href")}&part=list`);
    const known = new Set(keys(document));
    for (const row of next.querySelectorAll("#rows > li")) {
      if (known.has(row.dataset.key)) continue;
      row.dataset.extra = "";
      rows().append(document.importNode(row, true));
    }
    const then = next.querySelector(".more-rows");
    if (then) link.closest(".more-rows").replaceWith(document.importNode(then, true));
    else link.closest(".more-rows").remove();
    settled();
  } catch { location.assign(link.href); }
}

// ---- What was read

/** The newest place that was seen of each conversation. */
const seen = new Map();
let isTold = false;

function marks() {
  for (const row of document.querySelectorAll("#rows > li")) {
    const position = Number(row.dataset.position), mark = row.querySelector(".row__unread");
    // What the assistant answers need not be read.
    const counts = isTold && !row.classList.contains("row--assistant") && !row.classList.contains("row--closed");
    const is = counts && (seen.get(row.dataset.key) ?? -1) < position;
    mark.hidden = !is;
    row.toggleAttribute("data-unread", is);
  }
}

/** The open conversation is read while somebody looks at it. */
async function read() {
  const id = openId();
  if (!id || !isTold || document.hidden || !document.hasFocus()) return;
  const row = document.querySelector(`#rows > li[data-key="${id}"]`);
  const position = Math.max(states.get(id)?.position ?? -1, Number(row?.dataset.position ?? -1));
  if (position <= (seen.get(id) ?? -1)) return;
  seen.set(id, position);
  marks();
  await request("PUT", thread().dataset.read, { position }).catch(() => seen.delete(id));
}

// ---- The open conversation

let watched = null;
const outgoing = new Map();
const sender = (id) => outgoing.get(id) || outgoing.set(id, new Outgoing()).get(id);

async function draw() {
  const id = openId(), path = thread().dataset.path;
  const next = await drawn(`${path}&part=thread`);
  if (id !== openId()) return null;
  return () => {
    for (const part of ["thread", "details"]) if (by(part) && next.getElementById(part)) morph(by(part), next.getElementById(part));
    times(late());
    read();
  };
}

/** It was deleted, or is no longer this agent's to read. */
function gone() {
  watched?.stop();
  watched = null;
  const section = thread();
  section.classList.add("inbox-thread--empty");
  const said = document.createElement("p");
  said.className = "quiet";
  said.textContent = "This conversation is no longer there: it was deleted, or its site is no longer yours.";
  section.replaceChildren(said);
  delete section.dataset.id;
  by("details")?.remove();
  lookSoon();
}

/** The inbox itself is no longer this agent's. */
function away() {
  watched?.stop();
  const said = document.createElement("p");
  said.className = "alert";
  said.setAttribute("role", "alert");
  said.textContent = "You are signed out, or answer on no site any more. Load the page anew.";
  by("inbox").replaceChildren(said);
}

function opened() {
  watched?.stop();
  watched = null;
  const id = openId();
  by("inbox").classList.toggle("inbox--open", Boolean(id));
  if (!id) return;
  const field = by("text"), draft = kept.get(DRAFT + id);
  if (draft && !field.value) field.value = draft;
  grow(field);
  times(late());
  by("scroll").scrollTop = by("scroll").scrollHeight;
  watched = watch({ root: thread, draw, gone });
  read();
}

async function open(href, { push = true, focus = true } = {}) {
  const url = new URL(href, location.href);
  // What loads at once needs no sign that it does.
  const slow = setTimeout(() => thread().setAttribute("aria-busy", "true"), 200);
  try {
    const next = await drawn(`${url.pathname}${url.search}&part=thread`);
    by("details")?.remove();
    const then = document.importNode(next.getElementById("thread"), true);
    thread().replaceWith(then);
    const details = next.getElementById("details");
    if (details) then.after(document.importNode(details, true));
    if (push) history.pushState(null, "", `${url.pathname}${url.search}`);
    opened();
    settled();
    if (focus) (matchMedia("(width < 720px)").matches ? then : by("scroll"))?.focus({ preventScroll: true });
  } catch (error) {
    if (error.status === 404) return gone();
    location.assign(href);
  } finally { clearTimeout(slow); thread()?.removeAttribute("aria-busy"); }
}

function close(push = true) {
  const id = openId();
  watched?.stop();
  watched = null;
  by("inbox").classList.remove("inbox--open");
  if (push) history.pushState(null, "", list().dataset.href);
  const link = document.querySelector(`#rows > li[data-key="${id}"] a`);
  by("details")?.remove();
  const section = document.createElement("section");
  section.className = "inbox-thread inbox-thread--empty";
  section.id = "thread";
  const said = document.createElement("p");
  said.className = "quiet";
  said.textContent = "Choose a conversation.";
  section.append(said);
  thread().replaceWith(section);
  settled();
  (link || document.querySelector("#rows a"))?.focus();
}

async function answer(form) {
  const id = openId(), { send, state } = thread().dataset, button = by("send"), label = button.textContent;
  if (state === "assistant" && form.elements.text.value.trim()) button.textContent = "Taking over…";
  const sent = await sender(id).send(form, (message, content) =>
    request("POST", send, { id: message, content, expect: thread().dataset.expect || undefined }));
  if (button.textContent === "Taking over…") button.textContent = label;
  if (sent === true) kept.set(DRAFT + id, "");
  if (sent?.status === 409) {
    await watched?.now();
    by("send").textContent = "Send anyway";
  } else watched?.now();
  lookSoon();
}

async function assign(form) {
  const { assign, number, expect } = thread().dataset, to = form.elements.to.value;
  const body = { to, number: Number(number), ...(expect ? { expect } : {}), ...(to === "assistant" ? { answer_now: true } : {}) };
  try {
    await request("POST", assign, body);
    say("");
  } catch (error) { say(error.message); }
  watched?.now();
  lookSoon();
}

// ---- Telling

let isTeller = false;
const tells = () => kept.get("rivulet-tell") === "on";

function showTell() {
  const button = by("tell");
  if (!button || !("Notification" in window)) return;
  button.hidden = false;
  button.setAttribute("aria-pressed", String(tells()));
  button.textContent = tells() ? "Telling you" : "Tell me";
  button.title = "A sound and a notification when somebody waits";
}

async function toggleTell() {
  if (tells()) kept.set("rivulet-tell", "");
  else {
    const answer = await Notification.requestPermission();
    if (answer === "denied") say("This browser does not let the inbox notify you. The sound comes all the same.");
    kept.set("rivulet-tell", "on");
    beep();
  }
  showTell();
}

/** Two soft tones. */
function beep() {
  try {
    const audio = new AudioContext(), gain = audio.createGain();
    gain.connect(audio.destination);
    gain.gain.setValueAtTime(0.08, audio.currentTime);
    gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.5);
    [[660, 0], [880, 0.15]].forEach(([tone, at]) => {
      const voice = new OscillatorNode(audio, { frequency: tone });
      voice.connect(gain);
      voice.start(audio.currentTime + at);
      voice.stop(audio.currentTime + at + 0.2);
    });
    setTimeout(() => audio.close(), 1_000);
  } catch { /* No sound without a press on the page first: browsers forbid it. */ }
}

function tell(text, id) {
  if (!isTeller || !tells() || (!document.hidden && document.hasFocus() && id === openId())) return;
  beep();
  if (Notification.permission !== "granted") return;
  const note = new Notification("Inbox", { body: text, tag: id || "inbox", icon: "/icon-192.png" });
  note.onclick = () => { focus(); if (id) open(`/inbox/${id}?queue=${list().dataset.queue}`); note.close(); };
}

// ---- Events

/** Of each conversation: what is known of it, so that only what is new is told. */
const states = new Map();
let sources = [], following = "", looking = 0;

function told(row, isNew) {
  const before = states.get(row.conversation);
  states.set(row.conversation, { state: row.state, position: row.last.position });
  if (!isNew) return;
  if (row.state === "waiting" && before?.state !== "waiting") tell(`${row.name} waits for a person.`, row.conversation);
  else if (row.agent?.id === list().dataset.me && row.last.role === "user" && (before?.position ?? -1) < row.last.position) {
    tell(`${row.name} has written to you.`, row.conversation);
  }
}

function listen() {
  for (const source of sources) source.close();
  sources = [];
  following = list()?.dataset.events ?? "";
  clearInterval(looking);
  const lookAgain = () => { clearInterval(looking); looking = setInterval(() => { if (!document.hidden || tells()) look(); }, LOOK_MS); };
  if (!following) return lookAgain();
  sources = following.split(" ").map((path) =>
    follow(path, "", {
      back: lookSoon,
      refused: lookAgain,
      heard(name, data) {
        if (name === "inbox") {
          isTold = true;
          for (const row of data.rows) told(row, false);
          for (const [id, position] of Object.entries(data.read)) seen.set(id, Math.max(position, seen.get(id) ?? -1));
          marks();
          read();
        }
        if (name === "row") {
          told(data.row, true);
          if (data.row.conversation === openId()) read();
        }
        if (name === "gone") states.delete(data.conversation);
        if (name !== "resumed") lookSoon();
      },
    }));
}

// ---- Keys and presses

const isPlain = (event) => event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
const lettersOn = () => kept.get("rivulet-letters") !== "off";

function step(by) {
  const links = [...document.querySelectorAll("#rows > li:not([data-gone]) a")];
  if (!links.length) return;
  const at = links.findIndex((link) => link === document.activeElement);
  const from = at < 0 ? links.findIndex((link) => link.hasAttribute("aria-current")) : at;
  const to = links[Math.min(links.length - 1, Math.max(0, from + by))];
  to.focus();
  to.scrollIntoView({ block: "nearest" });
}

async function does(key) {
  const button = document.querySelector(`.inbox-tools [data-key-does="${key}"]`);
  if (!button) return;
  if (key === "e" && !(await sure("Close this conversation?"))) return;
  button.form.requestSubmit(button);
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || document.querySelector("dialog[open]")) return;
  const isField = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.target.id === "text") {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); answer(event.target.form); }
    if (event.key === "Escape") { event.preventDefault(); by("scroll").focus(); }
    return;
  }
  if (isField || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape") {
    if (location.hash === "#details") { history.back(); return; }
    if (openId()) close();
    return;
  }
  if (!lettersOn() && event.key !== "?") return;
  const act = {
    j: () => step(1), k: () => step(-1), "/": () => by("text")?.focus(), "?": showKeys,
    t: () => does("t"), h: () => does("h"), e: () => does("e"), r: () => does("r"),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

function showKeys() {
  by("keys-on").checked = lettersOn();
  by("keys").showModal();
}

document.addEventListener("click", (event) => {
  const target = event.target.closest?.("a, button");
  if (!target) return;
  if (target.id === "news") return release();
  if (target.id === "tell") return toggleTell();
  if (target.id === "show-keys") return showKeys();
  if (target.tagName !== "A" || !isPlain(event)) return;
  const act = target.hasAttribute("data-open") ? () => open(target.href)
    : target.hasAttribute("data-back") ? () => close()
    : target.hasAttribute("data-more") ? () => more(target)
    : target.closest(".queues, .sites") ? () => goTo(target.href) : null;
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id === "composer") { event.preventDefault(); answer(form); }
  else if (form.hasAttribute("data-assign")) { event.preventDefault(); assign(form); }
});

document.addEventListener("input", (event) => {
  if (event.target.id === "text") { grow(event.target); kept.set(DRAFT + openId(), event.target.value); }
  if (event.target.id === "keys-on") kept.set("rivulet-letters", event.target.checked ? "" : "off");
});

document.addEventListener("pointerout", (event) => { if (held && event.target.closest?.("#rows") && !rows().contains(event.relatedTarget)) setTimeout(() => isTouched() || release(), WAY_MS); });
document.addEventListener("focusout", () => { if (held) setTimeout(() => isTouched() || release()); });
addEventListener("focus", read);
document.addEventListener("visibilitychange", read);
addEventListener("popstate", () => {
  const id = /^\/inbox\/([^/?]+)/.exec(location.pathname)?.[1] ?? "";
  if (id !== openId()) id ? open(location.href, { push: false }) : close(false);
  const href = `/inbox${location.search}`;
  if (location.search && href !== list().dataset.href) goTo(href, false);
});

awake();
buttons({ after: () => { watched?.now(); lookSoon(); } });
showTell();
navigator.locks?.request("rivulet-inbox-tells", () => { isTeller = true; return new Promise(() => {}); });
if (!navigator.locks) isTeller = true;
opened();
listen();
settled();
setInterval(() => times(late()), 20_000);
