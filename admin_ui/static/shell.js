// What every page does: sentences that were said, a lost live connection, focus after a part was changed.
(() => {
  const SHOWN = 6000;

  function say(text) {
    const stack = document.getElementById("said");
    const line = document.getElementById("said-template").content.firstElementChild.cloneNode(true);
    line.querySelector("span").textContent = text;
    stack.append(line);
    fade(line);
  }

  function fail() {
    const stack = document.getElementById("said");
    if (stack.querySelector(".said-alarm")) return;
    stack.append(document.getElementById("failed-template").content.firstElementChild.cloneNode(true));
  }

  function fade(line) {
    setTimeout(() => { if (!line.matches(":hover") && !line.contains(document.activeElement)) line.remove(); }, SHOWN);
  }

  document.addEventListener("click", (event) => {
    const close = event.target.closest(".said-close");
    if (close) close.closest(".said").remove();
  });
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (!copy) return;
    await navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent);
    say(copy.dataset.copied);
  });
  document.addEventListener("said", (event) => say(event.detail.value));
  document.addEventListener("htmx:sendError", fail);
  document.addEventListener("htmx:responseError", fail);

  // The live connection: what is shown is as of the moment it was lost.
  const lost = () => document.getElementById("lost");
  let lostAt = null;
  document.addEventListener("htmx:sseError", () => {
    if (lostAt) return;
    lostAt = new Date();
    const time = lostAt.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: lost().dataset.zone });
    lost().textContent = lost().dataset.asOf.replace("{time}", time);
    lost().hidden = false;
  });
  document.addEventListener("htmx:sseOpen", () => {
    if (!lostAt) return;
    lostAt = null;
    lost().hidden = true;
    say(lost().dataset.back);
    document.dispatchEvent(new CustomEvent("live:again"));
  });

  // Without TLS, and not on this machine, a browser gives pages no clipboard.
  if (navigator.clipboard) document.querySelectorAll("[data-copy]").forEach((copy) => { copy.hidden = false; });
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("#said .said").forEach(fade));
})();
