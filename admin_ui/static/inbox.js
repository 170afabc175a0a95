// The inbox: rows that change while one looks, panes on a phone, keys.
(() => {
  const inbox = () => document.getElementById("inbox");
  const scroller = () => document.getElementById("inbox-scroll");
  const list = () => document.getElementById("inbox-rows");
  const rowOf = (id) => list()?.querySelector(`.inbox-row[data-id="${CSS.escape(id)}"]`);
  const links = () => [...list().querySelectorAll(".inbox-link")];
  const narrow = () => matchMedia("(max-width: 899.98px)").matches;
  const SLACK = 24;
  let unseen = 0;

  // --- rows that change -------------------------------------------------------------------------------------------

  function arrived(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const fresh = holder.content.querySelector(".inbox-row");
    const old = rowOf(fresh.dataset.id);
    const open = inbox().dataset.open === fresh.dataset.id;
    if (open) fresh.querySelector(".inbox-link").setAttribute("aria-current", "true");
    if (old && old.dataset.at === fresh.dataset.at) return replace(old, fresh);
    // Who has a page of older ones open is not shown one that belongs further down than what is there.
    const before = [...list().querySelectorAll(".inbox-row")].find((row) => row !== old && +row.dataset.at <= +fresh.dataset.at);
    if (!before && document.getElementById("inbox-more") && !old) return;
    const at = scroller().scrollTop;
    const height = scroller().scrollHeight;
    const held = old?.contains(document.activeElement);
    old?.remove();
    list().insertBefore(fresh, before || document.getElementById("inbox-more"));
    fresh.classList.add("fresh");
    htmx.process(fresh);
    document.getElementById("inbox-empty").hidden = true;
    if (held) fresh.querySelector(".inbox-link").focus({ preventScroll: true });
    // What one looks at stays where it is; what is new above it is told.
    if (at > SLACK && fresh.offsetTop < at) {
      scroller().scrollTop = at + scroller().scrollHeight - height;
      news(unseen + 1);
    }
    announce(fresh, open);
  }

  function replace(old, fresh) {
    const held = old.contains(document.activeElement);
    old.replaceWith(fresh);
    htmx.process(fresh);
    if (held) fresh.querySelector(".inbox-link").focus({ preventScroll: true });
  }

  function gone(id) {
    const row = rowOf(id);
    if (!row || inbox().dataset.open === id) return;
    const at = scroller().scrollTop;
    const above = row.offsetTop < at ? row.offsetHeight : 0;
    row.remove();
    scroller().scrollTop = at - above;
    if (!list().querySelector(".inbox-row")) document.getElementById("inbox-empty").hidden = false;
  }

  function announce(row, open) {
    const said = document.getElementById("inbox-said");
    if (!open && row.classList.contains("needs")) said.textContent = said.dataset.new.replace("{name}", row.dataset.name);
  }

  function news(count) {
    unseen = count;
    const pill = document.getElementById("inbox-news");
    pill.hidden = !count;
    pill.querySelector("span").textContent = count === 1 ? pill.dataset.one : pill.dataset.many.replace("{n}", count);
  }

  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    if (event.target.id !== "inbox-rows") return;
    event.preventDefault();
    if (event.detail.type === "row") arrived(event.detail.data);
    else gone(event.detail.data);
  });
  // After a lost connection what was missed is fetched; the list stays where it is.
  document.addEventListener("live:again", () => {
    if (!inbox()) return;
    const at = scroller().scrollTop;
    htmx.ajax("GET", listAddress(), { target: "#inbox-results", swap: "innerHTML" }).then(() => { scroller().scrollTop = at; mark(); });
  });
  const listAddress = () => new URL(document.querySelector(".inbox-search").action).pathname + location.search;

  // --- panes ------------------------------------------------------------------------------------------------------

  function mark() {
    for (const link of links()) {
      const on = link.closest(".inbox-row").dataset.id === inbox().dataset.open;
      on ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    }
  }

  function show(pane) {
    inbox().dataset.pane = pane;
    if (pane === "list") rowOf(inbox().dataset.open)?.querySelector(".inbox-link").focus({ preventScroll: true });
    else document.getElementById(pane)?.focus({ preventScroll: true });
  }

  document.addEventListener("click", (event) => {
    const to = event.target.closest("[data-pane-to]");
    if (to) { event.preventDefault(); show(to.dataset.paneTo); }
    if (event.target.closest("#inbox-news")) scroller().scrollTo({ top: 0 });
    if (event.target.closest(".inbox-help-open")) help();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "conversation") {
      const row = event.detail.requestConfig?.elt.closest?.(".inbox-row");
      if (row) inbox().dataset.open = row.dataset.id;
      mark();
      show("conversation");
    }
    if (event.detail.target.id === "inbox-results") { news(0); mark(); carry(); }
  });

  // The search keeps the filters of the list it searches.
  function carry() {
    const form = document.querySelector(".inbox-search");
    form.querySelectorAll("input[type=hidden]").forEach((field) => field.remove());
    for (const [name, value] of new URLSearchParams(location.search)) {
      if (name === "q" || name === "after") continue;
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
  }

  // --- keys -------------------------------------------------------------------------------------------------------

  function move(step) {
    const all = links();
    if (!all.length) return;
    const here = all.indexOf(document.activeElement);
    const current = here >= 0 ? here : all.findIndex((link) => link.hasAttribute("aria-current"));
    const next = current < 0 ? 0 : Math.min(all.length - 1, Math.max(0, current + step));
    all[next].focus();
    all[next].scrollIntoView({ block: "nearest" });
  }

  function help() {
    document.getElementById("inbox-help").showModal();
  }

  document.addEventListener("keydown", (event) => {
    if (!inbox() || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const writing = event.target.closest("input, textarea, select, [contenteditable]");
    const search = document.getElementById("inbox-q");
    if (event.key === "Escape" && event.target === search) return search.blur();
    if (event.key === "ArrowDown" && event.target === search) { event.preventDefault(); return move(1); }
    if (writing) return;
    const inList = event.target === document.body || event.target.closest(".inbox-list, main") === event.target || event.target.closest(".inbox-list");
    if (event.key === "j" || (event.key === "ArrowDown" && inList)) move(1);
    else if (event.key === "k" || (event.key === "ArrowUp" && inList)) move(-1);
    else if (event.key === "/") search.focus();
    else if (event.key === "?") help();
    else if (event.key === "Escape") show("list");
    else return;
    event.preventDefault();
  });

  // --- where one was ----------------------------------------------------------------------------------------------

  const place = () => `inbox:${location.pathname.split("/").slice(0, 4).join("/")}${location.search}`;
  addEventListener("pagehide", () => { if (inbox()) sessionStorage.setItem(place(), scroller().scrollTop); });
  document.addEventListener("DOMContentLoaded", () => {
    if (!inbox()) return;
    document.querySelector(".inbox-help-open").hidden = narrow();
    scroller().scrollTop = +(sessionStorage.getItem(place()) || 0);
    document.addEventListener("scroll", (event) => { if (event.target.id === "inbox-scroll" && event.target.scrollTop < SLACK) news(0); }, true);
  });
})();
