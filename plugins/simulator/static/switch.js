// The way to the phones of the other businesses: those this browser may see (none from afar).

import { config, element } from "./config.js";

const $ = (id) => document.getElementById(id);
const button = $("switch");
const menu = $("businesses");

function open(opened) {
  menu.hidden = !opened;
  button.setAttribute("aria-expanded", String(opened));
  if (opened) (menu.querySelector("[aria-current]") ?? menu.querySelector("a")).focus();
}

function step(by) {
  const links = [...menu.querySelectorAll("a")];
  const next = links.indexOf(document.activeElement) + by;
  links.at(next % links.length).focus();
}

/** Look for the other businesses, and offer them if there are any. */
export async function offerOthers() {
  const answer = await fetch("/tenants.json").catch(() => null);
  const all = answer?.ok ? await answer.json() : [];
  const phones = all.filter((tenant) => tenant.pages[config.plugin]);
  if (phones.length < 2) return;
  const items = phones.map((tenant) => {
    const link = element("a", "", tenant.name);
    link.href = tenant.pages[config.plugin];
    if (tenant.id === config.tenant) link.setAttribute("aria-current", "page");
    const item = element("li");
    item.append(link);
    return item;
  });
  menu.firstElementChild.replaceChildren(...items);
  button.hidden = false;
}

button.addEventListener("click", () => open(menu.hidden));
menu.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event.key === "ArrowDown" ? 1 : -1);
  else if (event.key === "Escape") button.focus();
  else return;
  event.preventDefault();
});
for (const part of [button, menu]) {
  part.addEventListener("focusout", ({ relatedTarget: to }) => {
    if (!menu.hidden && to !== button && !menu.contains(to)) open(false);
  });
}
button.addEventListener("focus", () => {
  if (!menu.hidden) open(false);
});
