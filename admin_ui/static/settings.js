// Forms of settings: drag plugins, add and move rows, mark a field as wrong when it is.
(() => {
  function arrange() {
    const form = document.querySelector("[data-arrange]");
    if (!form || !window.Sortable) return;
    form.querySelectorAll("[data-grip]").forEach((grip) => { grip.hidden = false; });
    window.Sortable.create(form.querySelector(".plugin-rows"), {
      handle: "[data-grip]", draggable: "[data-plugin]", animation: 120,
      onEnd: (event) => { if (event.oldIndex !== event.newIndex) form.requestSubmit(); },
    });
  }

  function number(list) {
    const root = list.dataset.rows;
    list.querySelectorAll(":scope > [data-row]").forEach((row, place) => {
      row.querySelectorAll("[name], [id], [for]").forEach((part) => {
        if (part.name && part.name.startsWith(`${root}[`)) part.name = part.name.replace(/\[\d+\]/, `[${place}]`);
      });
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row-up], [data-row-down], [data-row-remove]");
    if (!button) return;
    const row = button.closest("[data-row]");
    const list = row.closest("[data-rows]");
    if (button.matches("[data-row-remove]")) {
      const next = row.nextElementSibling || list;
      row.remove();
      (next.querySelector("summary") || list).focus();
    } else if (button.matches("[data-row-up]")) {
      if (row.previousElementSibling?.matches("[data-row]")) row.previousElementSibling.before(row);
      button.focus();
    } else {
      const next = row.nextElementSibling;
      if (next?.matches("[data-row]") && next.querySelector("[data-row-actions]")) next.after(row);
      button.focus();
    }
    number(list);
    list.dispatchEvent(new Event("change", { bubbles: true }));
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const flaw = event.target.closest?.(".field-flaw");
    if (!flaw) return;
    const field = flaw.closest(".field");
    const wrong = flaw.textContent.trim() !== "";
    flaw.textContent = flaw.textContent.trim();
    field.classList.toggle("field-wrong", wrong);
    const input = document.getElementById(flaw.id.replace(/-flaw$/, ""));
    if (input) input.setAttribute("aria-invalid", String(wrong));
  });

  document.addEventListener("DOMContentLoaded", () => {
    arrange();
    document.querySelectorAll("[data-row-actions]").forEach((part) => { part.hidden = false; });
  });
})();
