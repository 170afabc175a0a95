// A conversation that is open: it changes as it is talked, keeps the draft and the place, and is worked by keyboard.
(() => {
  const WRITING_EVERY = 4000;
  const HIDDEN_FOR = 30000;
  const NEAR = 80;
  const FAR = 25; // pages
  let talk, live, source, hiddenTimer, lastTold = 0, again = 1000;

  const by = (id) => document.getElementById(id);
  const scroller = () => by("thread-scroll");

  function start() {
    const found = by("talk");
    if (!found || found === talk) return;
    stop();
    talk = found;
    live = talk.dataset.live;
    const here = scroller();
    here.addEventListener("scroll", () => { wasAtEnd = atEnd(); if (wasAtEnd) by("thread-down").hidden = true; }, { passive: true });
    // A keyboard that comes up, a box that grows: who read the end goes on reading it.
    let height = here.clientHeight;
    new ResizeObserver(() => { if (here.clientHeight !== height) { height = here.clientHeight; keepEnd(); } }).observe(here);
    by("thread-down").addEventListener("click", toEnd);
    toEnd();
    if (location.hash.startsWith("#m-")) seek(decodeURIComponent(location.hash.slice(1)));
    here.querySelectorAll("img").forEach((image) => image.addEventListener("load", keepEnd, { once: true }));
    composer();
    connect();
  }

  function stop() {
    if (source) source.close();
    source = undefined;
    talk = undefined;
  }

  // The place in the thread.
  const atEnd = () => { const s = scroller(); return s.scrollHeight - s.scrollTop - s.clientHeight < NEAR; };
  let wasAtEnd = true;
  function toEnd() { const s = scroller(); s.scrollTop = s.scrollHeight; by("thread-down").hidden = true; wasAtEnd = true; }
  function keepEnd() { if (wasAtEnd) toEnd(); }

  function foundHere(id) {
    const entry = by(id);
    if (!entry) return false;
    document.querySelectorAll(".entry-found").forEach((each) => each.classList.remove("entry-found"));
    entry.classList.add("entry-found");
    entry.scrollIntoView({ block: "center" });
    return true;
  }

  // Days stand above their first entry.
  function days() {
    let before = "";
    for (const entry of by("thread").querySelectorAll(".entry[data-day]")) {
      entry.querySelector(".day").hidden = entry.dataset.day === before;
      before = entry.dataset.day;
    }
  }

  // What changes while it is open.
  function connect() {
    source = new EventSource(live);
    source.addEventListener("open", () => { again = 1000; signal("htmx:sseOpen"); });
    source.addEventListener("error", () => {
      signal("htmx:sseError");
      if (source && source.readyState === EventSource.CLOSED) {
        setTimeout(() => { if (talk) connect(); }, again);
        again = Math.min(again * 2, 30000);
      }
    });
    source.addEventListener("change", (event) => change(JSON.parse(event.data)));
    source.addEventListener("end", () => { source.close(); location.reload(); });
  }

  const signal = (name) => document.body.dispatchEvent(new CustomEvent(name, { bubbles: true }));

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiddenTimer);
    if (!talk) return;
    if (document.hidden) hiddenTimer = setTimeout(() => { if (source) source.close(); source = undefined; }, HIDDEN_FOR);
    else if (!source) connect();
  });

  function change({ entries, parts }) {
    let theirs = false;
    for (const entry of entries || []) theirs = put(entry) || theirs;
    if (entries && entries.length) days();
    for (const [name, html] of Object.entries(parts || {})) part(name, html);
    if (wasAtEnd) toEnd();
    else if (theirs) by("thread-down").hidden = false;
  }

  function put({ id, at, html, kind }) {
    const there = by(id);
    if (there) { Idiomorph.morph(there, html, { ignoreActiveValue: true }); return false; }
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const made = holder.content.firstElementChild;
    const all = by("thread").querySelectorAll(".entry[data-at]");
    // What is older than all that is shown is behind "Earlier messages".
    if (all.length && at < all[0].dataset.at && by("thread").querySelector("[data-older]")) return false;
    let after = null;
    for (let i = all.length - 1; i >= 0 && !after; i--) if (all[i].dataset.at <= at) after = all[i];
    if (after) after.after(made);
    else if (all.length) all[0].before(made);
    else by("thread").append(made);
    made.querySelectorAll("img").forEach((image) => image.addEventListener("load", keepEnd, { once: true }));
    return kind === "theirs";
  }

  function part(name, html) {
    const there = by(name);
    if (!there) return;
    if (name === "templates" && [...there.querySelectorAll("input:not([type=hidden])")].some((field) => field.value)) return;
    Idiomorph.morph(there, html, { morphStyle: "innerHTML", ignoreActiveValue: true });
    if (name === "standing") modes();
  }

  // Earlier messages, without moving what is read.
  document.addEventListener("click", (event) => {
    const older = event.target.closest("[data-older]");
    if (!older) return;
    event.preventDefault();
    earlier(older);
  });

  let loading = false;
  async function earlier(older) {
    if (loading) return false;
    loading = true;
    older.setAttribute("aria-disabled", "true");
    const answer = await fetch(older.href, { headers: { "HX-Request": "true" } }).catch(() => null);
    loading = false;
    if (!answer || !answer.ok) { signal("htmx:sendError"); older.removeAttribute("aria-disabled"); return false; }
    const holder = document.createElement("template");
    holder.innerHTML = await answer.text();
    const s = scroller(), from = s.scrollHeight - s.scrollTop;
    const line = older.closest(".entry"), focused = document.activeElement === older;
    for (const entry of [...holder.content.querySelectorAll(".entry[id]")]) if (by(entry.id)) entry.remove();
    line.before(holder.content);
    line.remove();
    days();
    s.scrollTop = s.scrollHeight - from;
    if (focused) s.focus({ preventScroll: true });
    return true;
  }

  // The message that something was said in, however far back.
  async function seek(id) {
    for (let pages = 0; pages < FAR && !by(id); pages++) {
      const older = by("thread").querySelector("[data-older]");
      if (!older || !(await earlier(older))) return;
    }
    wasAtEnd = false;
    foundHere(id);
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#m-"]');
    if (!link || !talk) return;
    event.preventDefault();
    if (link.closest("#contact")) toConversation();
    seek(decodeURIComponent(link.hash.slice(1)));
  });

  // On a phone the contact stands in front of the conversation.
  function toConversation() {
    const back = document.querySelector('#contact [data-pane-to="conversation"]');
    if (back && back.offsetParent) back.click();
  }

  // What is written: kept until it is sent, sent once.
  const draftKey = () => `frontdesk-draft/${talk.dataset.tenant}/${talk.dataset.conversation}`;
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  function kept() {
    try { return JSON.parse(localStorage.getItem(draftKey()) || "null"); } catch { return null; }
  }

  function keep() {
    const form = by("write"), text = form.elements.text.value;
    try {
      if (text.trim()) localStorage.setItem(draftKey(), JSON.stringify({ text, as: form.elements.as.value, key: form.elements.key.value }));
      else localStorage.removeItem(draftKey());
    } catch { /* Private browsing: the draft lives as long as the page. */ }
  }

  function composer() {
    const form = by("write");
    if (!form) return;
    const draft = kept(), text = form.elements.text;
    form.elements.key.value = newKey();
    if (draft) {
      text.value = draft.text;
      form.elements.as.value = draft.as || "reply";
      // The same message as before the page was left: if it went, it does not go twice.
      if (draft.key) form.elements.key.value = draft.key;
    }
    text.addEventListener("input", () => { keep(); grow(); if (form.elements.as.value === "reply") tellWriting(); });
    form.addEventListener("change", () => { keep(); modes(); });
    form.elements.file.addEventListener("change", fileChosen);
    by("file-off").addEventListener("click", () => { form.elements.file.value = ""; fileChosen(); text.focus(); });
    form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
    modes();
    grow();
  }

  function grow() {
    const text = by("text");
    if (CSS.supports("field-sizing", "content")) return;
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, innerHeight * 0.4)}px`;
  }

  function fileChosen() {
    const field = by("file"), line = by("file-name"), file = field.files[0];
    if (file && file.size > Number(field.dataset.max)) {
      refuse(field.dataset.tooLarge);
      field.value = "";
      line.hidden = true;
      return;
    }
    line.hidden = !file;
    if (file) line.querySelector("span").textContent = file.name;
  }

  function refuse(text) {
    const line = document.createElement("div");
    line.className = "refused-act";
    line.append(Object.assign(document.createElement("p"), { textContent: text }));
    by("refused").replaceChildren(line);
  }

  function modes() {
    const stands = document.querySelector("#standing .standing"), box = by("composer"), form = by("write");
    if (!stands || !box) return;
    for (const name of ["mode", "window", "stopped"]) box.dataset[name] = stands.dataset[name];
    const note = form.elements.as.value === "note";
    // One filled button: while only a template may go, that is the template's.
    const waits = !note && stands.dataset.window === "closed", button = form.querySelector(".composer-send");
    const kind = note ? "note" : waits ? "wait" : stands.dataset.mode === "mine" ? "mine" : "other";
    for (const words of button.querySelectorAll("span")) words.textContent = words.dataset[kind];
    button.classList.toggle("btn-primary", !waits);
    button.classList.toggle("btn-outline-secondary", waits);
    form.elements.text.placeholder = note ? form.elements.text.dataset.note : form.elements.text.dataset.reply;
    by("templates").hidden = note;
    form.querySelector(".composer-attach").hidden = note;
  }

  function tellWriting() {
    if (!talk.dataset.writing || Date.now() - lastTold < WRITING_EVERY) return;
    lastTold = Date.now();
    fetch(talk.dataset.writing, { method: "POST", headers: headers() }).catch(() => {});
  }

  const headers = () => ({ "X-Talk": "1", "X-CSRF-Token": document.querySelector('#write input[name="csrf"]').value });

  async function post(form, body) {
    const answer = await fetch(form.action, { method: "POST", body, headers: headers() }).catch(() => null);
    if (!answer || (!answer.ok && answer.status !== 409)) { signal("htmx:sendError"); return false; }
    if (answer.status === 409) {
      by("refused").innerHTML = await answer.text();
      // Nothing of it was kept: whoever sends it after all sends something new.
      if (form.elements.key) form.elements.key.value = newKey();
      return false;
    }
    by("refused").replaceChildren();
    const told = answer.headers.get("HX-Trigger");
    if (told) document.dispatchEvent(new CustomEvent("said", { detail: { value: JSON.parse(told).said } }));
    return true;
  }

  async function send(form) {
    const button = form.querySelector(".composer-send"), text = form.elements.text;
    if (button.disabled || (!text.value.trim() && !form.elements.file.files.length)) return;
    button.disabled = true;
    const sent = text.value, went = await post(form, new FormData(form));
    button.disabled = false;
    if (!went) return;
    form.elements.key.value = newKey();
    form.elements.file.value = "";
    fileChosen();
    // Who goes on writing while it is sent keeps that.
    text.value = text.value.startsWith(sent) ? text.value.slice(sent.length) : text.value;
    keep();
    grow();
    wasAtEnd = true;
    toEnd();
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-talk]");
    if (!form || event.defaultPrevented) return;
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    if (button.disabled) return;
    if (form.elements.key && !form.elements.key.value) form.elements.key.value = newKey();
    button.disabled = true;
    const went = await post(form, new FormData(form));
    button.disabled = false;
    if (!went) return;
    const template = form.closest("details.template");
    if (template) { form.reset(); preview(form); form.elements.key.value = newKey(); template.open = false; toEnd(); }
    if (document.activeElement === document.body && by("text")) by("text").focus();
  });

  // A template as the contact will read it.
  function preview(form) {
    const shown = form.querySelector(".bubble-preview");
    if (!shown) return;
    if (!form.elements.key.value) form.elements.key.value = newKey();
    shown.textContent = form.dataset.preview.replace(/\{\{\s*(\w+)\s*\}\}/g, (all, name) => {
      const field = form.elements[`value.${name}`];
      return field && field.value ? field.value : all;
    });
  }
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-preview]");
    if (form) preview(form);
  });

  // By keyboard.
  document.addEventListener("keydown", (event) => {
    if (!talk || event.isComposing) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "text") {
      event.preventDefault();
      by("write").requestSubmit();
    } else if (event.key === "Escape") {
      const open = document.querySelector("details.template[open], details.memory-change[open]");
      if (open) { open.open = false; open.querySelector("summary").focus(); }
      else if (event.target.id === "text") scroller().focus();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      keys(event);
    }
  });

  function keys(event) {
    const form = by("write");
    if (!form) return;
    if (event.key === "n" || event.key === "r") {
      event.preventDefault();
      form.elements.as.value = event.key === "n" ? "note" : "reply";
      modes();
      form.elements.text.focus();
    } else if (event.key === "t" || event.key === "b") {
      const act = document.querySelector(`#standing form[data-key="${event.key}"]`);
      if (act) { event.preventDefault(); act.requestSubmit(); }
    }
  }

  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSettle", start);
  addEventListener("pagehide", () => { if (source) source.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted && talk && (!source || source.readyState === EventSource.CLOSED)) connect(); });
})();
