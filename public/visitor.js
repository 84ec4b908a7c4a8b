// The live part of a site's page. Without it the forms work as they are.
"use strict";
import { Outgoing, awake, buttons, by, drawn, grow, morph, newId, request, say, times, watch } from "/live.js";

/** The parts of the page that the server draws anew. */
const PARTS = ["top", "log", "line", "stopper", "begin"];
const outgoing = new Outgoing();
/** Where the browser keeps no cookie, the page itself remembers what it is recognised by, for as long as it is open. */
let bearer = "";
const headers = () => (bearer ? { authorization: `Bearer ${bearer}` } : {});
const log = () => by("log");
let thread = null;
/** The conversation's own address: that of the page, but where nothing is kept. */
let path = () => log().dataset.path || log().dataset.front;

function put(next) {
  for (const id of PARTS) {
    const now = by(id), then = next.getElementById(id);
    if (now && then) morph(now, then);
    else if (now) now.remove();
    else if (then && id === "line") log().after(document.importNode(then, true));
  }
  document.title = next.title || document.title;
  times();
}

async function draw() {
  const next = await drawn(path(), headers());
  return () => put(next);
}

function gone() {
  if (bearer) return say("This conversation is no longer there.");
  location.assign(log().dataset.front);
}

function begun() {
  thread?.stop();
  thread = watch({ root: log, draw, headers, gone });
}

/** The first message begins the conversation. */
async function begin(id, content) {
  const form = by("composer"), { begin } = log().dataset;
  const body = {
    id: form.elements.begins.value, message: { id, content }, referrer: document.referrer, locale: navigator.language,
  };
  try {
    return await request("POST", begin, body, headers());
  } catch (error) {
    // No cookie came along: from here on a secret of the page's own does.
    if (error.status !== 400 || bearer) throw error;
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    bearer = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return await request("POST", begin, body, headers());
  }
}

async function send(form) {
  const { send } = log().dataset;
  let conversation = "";
  const sent = await outgoing.send(form, async (id, content) => {
    if (send) return request("POST", send, { id, content }, headers());
    conversation = (await begin(id, content)).conversation;
  });
  if (sent !== true) return;
  if (send) return thread?.now();
  const { front } = log().dataset, to = `${front}/c/${conversation}`;
  path = () => log().dataset.path || to;
  put(await drawn(to, headers()));
  form.elements.begins?.remove();
  const hidden = document.createElement("input");
  Object.assign(hidden, { type: "hidden", name: "conversation", value: conversation });
  form.append(hidden);
  if (bearer) say("This browser keeps nothing: the conversation ends with this page.");
  else history.replaceState(null, "", to);
  begun();
  form.elements.text.focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id === "composer") {
    event.preventDefault();
    send(form);
  } else if (bearer && form.elements.to) {
    // A form brings no bearer along.
    event.preventDefault();
    const what = { waiting: "handoff", assistant: "assistant", closed: "close" }[form.elements.to.value];
    const to = `${log().dataset.front}/conversations/${form.elements.conversation.value}/${what}`;
    request("POST", to, undefined, headers()).then(() => thread?.now(), (error) => say(error.message));
  } else if (form.elements.to) {
    event.preventDefault();
    fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { accept: "text/html" } })
      .then(async (answer) => {
        if (answer.ok) return thread?.now();
        const next = new DOMParser().parseFromString(await answer.text(), "text/html");
        say(next.querySelector("[role=alert]")?.textContent || "That did not work.");
      }, () => say("The server cannot be reached."));
  }
});
document.addEventListener("keydown", (event) => {
  if (event.target.id !== "text" || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send(event.target.form);
});
document.addEventListener("input", (event) => { if (event.target.id === "text") grow(event.target); });

awake();
buttons({ headers, after: () => thread?.now() });
times();
setInterval(times, 20_000);
grow(by("text"));
// A page that the browser brings back from its history is older than the conversation.
addEventListener("pageshow", (event) => { if (event.persisted) thread?.now(); });
if (log().dataset.events) begun();
scrollTo(0, document.documentElement.scrollHeight);
if (!by("composer").elements.message.value) by("composer").elements.message.value = newId();
