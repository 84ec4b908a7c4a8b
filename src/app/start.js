// Starts the program of a page, or lets the page do without it. Sent in every page, without these comments (src/app.rs).
//
// The server has drawn the page and the program is to take over the nodes of `#app`. It finds them by their order, so
// nodes that extensions or proxies have inserted would lead it to wrong ones. The last `meta` of the page says how the
// nodes were sent (src/server/routes/shape.rs). If they differ now, the program renders the page again from the same
// data. Without the program, the page works as it does without scripts: forms, and a poll every two seconds while a
// reply is open.
async (folder) => {
  // The page has to work within 5 s of its load, whatever becomes of the download, on a slow device as well.
  const LATE_MS = 4000;
  const REFRESH_MS = 2000;
  // A program that stops twice within this time is not started a third time.
  const CALM_MS = 60000;
  const HOW = " Send with the button; an open reply is looked up every two seconds.";

  const root = document.getElementById("app");
  const said = document.getElementById("simple");
  let program, again, isSwapped;
  // "simple" without the program, "live" with it, "gone" while the page loads anew.
  let state = "";

  const recall = (name) => {
    try {
      return sessionStorage.getItem(name);
    } catch {}
  };
  const note = (name, value) => {
    try {
      sessionStorage.setItem(name, value);
      return true;
    } catch {}
  };

  // Must agree with src/server/routes/shape.rs.
  const shape = () => {
    let hash = 0x811c9dc5;
    const add = (word) => {
      for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
    };
    const opaque = (node) => /^(prose|pictures)$/.test((node.getAttribute("class") ?? "").split(" ")[0]) || /^(textarea|noscript)$/.test(node.localName);
    const walk = (parent) => {
      for (let node = parent.firstChild; node; node = node.nextSibling) {
        if (node.nodeType === 1) {
          add("<" + node.localName);
          if (!opaque(node)) walk(node);
          add("/");
        } else add(node.nodeType === 3 ? "#" : "!");
      }
    };
    walk(root);
    return (hash >>> 0).toString(16);
  };

  // What the user typed, the focus, and the scroll position.
  const keep = () => {
    const at = document.activeElement;
    const isChanged = (field) => (field.options ? [...field.options].some((it) => it.selected !== it.defaultSelected) : field.value !== field.defaultValue);
    const fields = [...root.querySelectorAll("input, select, textarea")].filter((field) => field.id && field.type !== "file" && isChanged(field));
    const typed = fields.map((field) => [field.id, field.value]);
    return { path: location.pathname, typed, top: scrollY, id: at?.id, from: at?.selectionStart, to: at?.selectionEnd };
  };
  const put = ({ path, typed, top, id, from, to }) => {
    if (path !== location.pathname) return;
    for (const [id, value] of typed) {
      const field = document.getElementById(id);
      if (!field || field.value === value) continue;
      field.value = value;
      for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
      const box = field.closest("details");
      if (box) box.open = true;
    }
    const at = id && document.getElementById(id);
    at?.focus?.({ preventScroll: true });
    if (from != null) at?.setSelectionRange?.(from, to);
    scrollTo({ top, behavior: "instant" });
  };

  const say = () => {
    (root.querySelector(".foot") ?? document.body).prepend(said);
    said.hidden = false;
  };
  const simple = (why) => {
    if (state) return;
    state = "simple";
    console.warn("Rivulet: " + why);
    said.querySelector("p").textContent = why + HOW;
    say();
    look();
  };
  const look = () => {
    if (state === "simple" && root.querySelector("noscript")) again = setTimeout(refresh, REFRESH_MS);
  };
  const refresh = async () => {
    try {
      const answer = await fetch(location.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("app");
      if (state !== "simple") return;
      if (fresh) {
        // The refresh in `noscript` would load the page.
        fresh.querySelector("noscript")?.replaceChildren();
        const kept = keep();
        isSwapped = true;
        // The data of the first page is old; the program requests new data.
        self.__RESOLVED_RESOURCES = {};
        root.replaceChildren(...fresh.childNodes);
        document.title = page.title;
        say();
        put(kept);
      } else if (answer.ok) return location.reload();
    } catch {}
    look();
  };

  const takeOver = async () => {
    if (state === "gone") return;
    state = "live";
    clearTimeout(late);
    clearTimeout(again);
    said.hidden = true;
    document.body.append(said);
    // If the page's data was removed on the way, the program requests it.
    self.__RESOLVED_RESOURCES ??= {};
    self.__SERIALIZED_ERRORS ??= [];
    self.__INCOMPLETE_CHUNKS ??= [];
    root.normalize();
    const isSent = shape() === document.querySelector("meta[name=shape]")?.content;
    // Styles of what the program alone shows.
    document.head.insertAdjacentHTML("beforeend", '<link rel="stylesheet" href="/panels.css"/>');
    if (isSent && !isSwapped && !recall("draw")) return program.hydrate();
    const why = isSent ? "The program of this page has stopped" : "This page was changed before it was taken over";
    if (!isSwapped) console.warn(`Rivulet: ${why}, so it is drawn anew.`);
    note("draw", "");
    const kept = keep();
    root.replaceChildren();
    program.draw();
    while (!root.querySelector(".foot")) await new Promise((next) => setTimeout(next, 50));
    put(kept);
  };

  const isTrap = (error) => !!self.WebAssembly && error instanceof WebAssembly.RuntimeError;
  // The program has stopped and may have left anything: the page is loaded anew and drawn by the program alone.
  const broken = () => {
    if (state === "gone") return;
    state = "gone";
    const before = Number(recall("broken"));
    const kept = JSON.stringify(keep());
    if (!note("broken", Date.now())) return;
    note("kept", kept);
    note(Date.now() - before < CALM_MS ? "simple" : "draw", folder);
    location.reload();
  };
  const failed = (error) => {
    if (state === "live" || isTrap(error)) return broken();
    simple(self.WebAssembly ? "The program of this page could not be loaded." : "This browser does not run WebAssembly here.");
  };
  addEventListener("error", (event) => isTrap(event.error) && broken());
  addEventListener("unhandledrejection", (event) => isTrap(event.reason) && broken());
  said.querySelector("a").onclick = () => note("simple", "");

  const kept = recall("kept");
  if (kept) {
    note("kept", "");
    put(JSON.parse(kept));
  }
  if (recall("simple") === folder) return simple("The program of this page has stopped twice.");
  const late = setTimeout(() => simple("The program of this page has not arrived yet."), LATE_MS);
  try {
    if (!self.WebAssembly) throw 0;
    program = await import(folder + "/rivulet.js");
    await program.default({ module_or_path: folder + "/rivulet.wasm" });
    program.start(() => takeOver().catch(failed));
  } catch (error) {
    failed(error);
  }
}
