// The board: cards are dragged, moved by their menu, or by Shift and an arrow key. Without this, the menu still works.
(() => {
  const board = document.getElementById("board");
  if (!board || !board.hasAttribute("data-may-move")) return;
  const ORDER = ["hot", "warm", "cold"];
  const columnOf = (temperature) => board.querySelector(`.board-cards[data-temperature="${temperature}"]`);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  function count(temperature, change) {
    if (!change) return;
    document.querySelectorAll(`[data-count-of="${temperature}"]`).forEach((each) => {
      const source = board.querySelector(`h2 [data-count-of="${temperature}"]`);
      if (each === source) source.dataset.count = Number(source.dataset.count) + change;
    });
    const now = Number(board.querySelector(`h2 [data-count-of="${temperature}"]`).dataset.count);
    document.querySelectorAll(`[data-count-of="${temperature}"]`).forEach((each) => {
      each.textContent = now.toLocaleString(document.documentElement.lang);
    });
  }

  function place(card, temperature) {
    const column = columnOf(temperature);
    if (column && card.parentElement !== column) column.prepend(card);
  }

  // Asks the server; the card already stands where it is to go, and goes back if the server does not take it.
  async function move(card, to, focus) {
    const from = card.dataset.temperature;
    if (from === to) return;
    const form = card.querySelector("form.lead-move");
    const body = new URLSearchParams(new FormData(form));
    body.set("temperature", to);
    place(card, to);
    card.classList.add("waits");
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
    } catch {
      answer = null;
    }
    if (!answer || !(answer.ok || answer.status === 409)) {
      card.classList.remove("waits");
      place(card, from);
      document.dispatchEvent(new Event("htmx:responseError"));
      return;
    }
    const holder = document.createElement("template");
    holder.innerHTML = (await answer.text()).trim();
    const fresh = holder.content.firstElementChild;
    card.replaceWith(fresh);
    place(fresh, fresh.dataset.temperature);
    count(from, -1);
    count(fresh.dataset.temperature, 1);
    if (focus) fresh.querySelector("h3 a").focus();
    const told = answer.headers.get("HX-Trigger");
    if (told) document.dispatchEvent(new CustomEvent("said", { detail: { value: JSON.parse(told).said } }));
  }

  board.addEventListener("submit", (event) => {
    const form = event.target.closest("form.lead-move");
    if (!form || !event.submitter) return;
    event.preventDefault();
    move(form.closest(".lead-card"), event.submitter.value, true);
  });

  board.addEventListener("keydown", (event) => {
    const card = event.target.closest(".lead-card");
    if (!card) return;
    if (event.key === "Escape" && card.querySelector("details[open]")) {
      card.querySelector("details").open = false;
      card.querySelector("summary").focus();
    }
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !event.shiftKey) return;
    const to = ORDER[ORDER.indexOf(card.dataset.temperature) + step];
    if (!to || !columnOf(to)) return;
    event.preventDefault();
    move(card, to, true);
  });

  // One menu is open at a time, and none when the pointer goes elsewhere.
  document.addEventListener("click", (event) => {
    board.querySelectorAll(".lead-menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  board.querySelectorAll(".board-cards").forEach((column) => new Sortable(column, {
    group: "leads",
    sort: false,
    draggable: ".lead-card",
    filter: ".lead-menu",
    preventOnFilter: false,
    forceFallback: true,
    fallbackTolerance: 4,
    delay: 250,
    delayOnTouchOnly: true,
    animation: still ? 0 : 120,
    onEnd: (event) => { if (event.to !== event.from) move(event.item, event.to.dataset.temperature, false); },
  }));
})();
