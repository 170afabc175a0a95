// What can be tapped below a message: up to three buttons, or one that opens a list, as WhatsApp shows them.

import { element, icon, say } from "./config.js";

const sheet = document.getElementById("sheet");
document.getElementById("sheet-close").addEventListener("click", () => sheet.close());
// A click beside the sheet, on its backdrop, is one on the dialog itself.
sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());

/** The buttons of `message`. `onTap(message, choice)` is called once, for the choice that was tapped. */
export function choicesBelow(message, onTap) {
  const group = element("div", "choices");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", say("choices"));
  const tap = (choice) => group.dataset.tapped === undefined && onTap(message, choice);
  if (message.shape === "buttons") {
    for (const choice of message.choices) group.append(button(choice.title, choice.id, () => tap(choice)));
  } else {
    const opens = button(say("choose"), "", () => group.dataset.tapped === undefined && open(message, opens, tap));
    opens.prepend(icon("icon-list"));
    opens.setAttribute("aria-haspopup", "dialog");
    group.append(opens);
  }
  return group;
}

/** What was tapped once cannot be tapped again: by what the contact's own messages say. */
export function showTapped(entries) {
  const all = [...entries];
  const tapped = new Map(all.flatMap(({ message }) => (message.tapped ? [[message.tapped.message, message.tapped.id]] : [])));
  for (const { item, message } of all) {
    const group = item.querySelector(".choices");
    if (!group || !tapped.has(message.id) || group.dataset.tapped !== undefined) continue;
    group.dataset.tapped = tapped.get(message.id);
    // Not `disabled`: whoever has just tapped it by keyboard keeps their place.
    for (const each of group.children) {
      each.setAttribute("aria-disabled", "true");
      if (each.dataset.id !== group.dataset.tapped) continue;
      each.prepend(icon("icon-chosen"));
      each.append(element("span", "unseen", ` (${say("chosen")})`));
    }
  }
}

function button(title, id, onClick) {
  const made = element("button", "choice");
  made.type = "button";
  made.dataset.id = id;
  made.append(element("span", "", title));
  made.addEventListener("click", onClick);
  return made;
}

function open(message, opener, tap) {
  sheet.querySelector("ul").replaceChildren(
    ...message.choices.map((choice) => {
      const row = button(choice.title, choice.id, () => {
        sheet.close();
        tap(choice);
      });
      if (choice.description) row.append(element("small", "", choice.description));
      const item = element("li");
      item.append(row);
      return item;
    }),
  );
  // A dialog lies above everything: it is put where the phone's glass is.
  const phone = document.querySelector(".glass");
  const glass = phone.getBoundingClientRect();
  sheet.style.borderBottomLeftRadius = sheet.style.borderBottomRightRadius = getComputedStyle(phone).borderBottomLeftRadius;
  sheet.style.left = `${glass.left}px`;
  sheet.style.width = `${glass.width}px`;
  sheet.style.bottom = `${window.innerHeight - glass.bottom}px`;
  sheet.style.maxHeight = `${glass.height * 0.8}px`;
  sheet.addEventListener("close", () => opener.focus(), { once: true });
  sheet.showModal();
}
