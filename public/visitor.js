// The live part of a site's page. What is shown is always what the server draws: at every change the page is asked for anew,
// and in between the pieces of the answer are added as they come. Without this script the forms work as they are.
"use strict";
(() => {
  const parts = ["who", "tools", "list", "page"];
  let source = null, busy = false, again = false, last = 0;
  const page = () => document.getElementById("page") || document.body;
  const text = () => document.getElementById("text");

  const near = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 120;
  const down = () => scrollTo(0, document.documentElement.scrollHeight);

  function follow() {
    if (source) source.close();
    source = null;
    const { events, cursor } = page().dataset;
    if (!events) return;
    source = new EventSource(`${events}?cursor=${encodeURIComponent(cursor)}`);
    const live = document.querySelector(".visitor-live");
    let before = true;
    source.addEventListener("token", (event) => {
      before = false;
      const bottom = near();
      if (live) live.append(JSON.parse(event.data).text);
      if (bottom) down();
    });
    source.addEventListener("thinking", () => { before = false; });
    source.addEventListener("resumed", () => { before = false; });
    for (const name of ["message", "reply", "done", "stopped", "interrupted", "assignment", "deleted"]) {
      source.addEventListener(name, () => load());
    }
    // Of a reply, it has data. Without, the line is broken: a new one is opened after a while.
    source.addEventListener("error", (event) => {
      if (event.data) return load();
      source?.close();
      setTimeout(load, 2000);
    });
    // A snapshot says that the page is older than what the server still knows.
    source.addEventListener("snapshot", () => { if (!before) load(); else before = false; });
  }

  function swap(drawn) {
    const field = text(), had = document.activeElement === field, typed = field ? field.value : "";
    const at = field ? [field.selectionStart, field.selectionEnd] : [0, 0], bottom = near();
    for (const id of parts) {
      const now = document.getElementById(id), next = drawn.getElementById(id);
      if (now && next) now.replaceWith(next);
    }
    const next = text();
    if (next && typed) next.value = typed;
    if (next && had) { next.focus(); next.setSelectionRange(at[0], at[1]); }
    if (bottom) down();
  }

  async function load(path) {
    if (busy) { again = true; return; }
    busy = true;
    try {
      do {
        again = false;
        const asked = path || page().dataset.path || location.pathname + location.search;
        const answer = await fetch(asked, { headers: { accept: "text/html" } });
        if (answer.ok) {
          if (path) history.replaceState(null, "", path);
          swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
          follow();
        } else if (answer.status === 404) {
          location.assign(page().dataset.front);
          return;
        }
      } while (again);
    } catch { setTimeout(load, 2000); } finally { busy = false; }
  }

  function say(problem) {
    let line = document.getElementById("said");
    if (!line) {
      line = document.createElement("p");
      line.id = "said";
      line.className = "alert";
      line.setAttribute("role", "alert");
      document.getElementById("composer").before(line);
    }
    line.textContent = problem;
  }

  async function send(form) {
    const field = text(), content = field.value, now = Date.now();
    if (!content.trim() || now - last < 300) return;
    last = now;
    const { send, begin, front, expect } = page().dataset;
    const message = { id: form.elements.message.value, content };
    if (expect) message.expect = expect;
    const path = send || begin;
    const body = send ? message
      : { id: form.elements.begins?.value, message, page: location.pathname, referrer: document.referrer, locale: navigator.language };
    try {
      const answer = await fetch(path, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
      });
      const said = await answer.json();
      if (!answer.ok) return say(said.detail || "That did not work. What you wrote is still here.");
      field.value = "";
      await load(send ? undefined : `${front}/c/${said.conversation}`);
    } catch { say("The server cannot be reached. What you wrote is still here."); }
  }

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "composer") return;
    event.preventDefault();
    send(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "text" || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send(event.target.form);
  });
  // The list of an inbox has no stream of its own yet.
  const list = document.getElementById("list");
  if (list) setInterval(() => { if (!document.hidden && document.activeElement?.closest("#list") === null) load(); }, 5000);
  follow();
  down();
})();
