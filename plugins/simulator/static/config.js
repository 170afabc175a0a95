// What the page was given: who it writes to, in which words, by which clock.

export const config = JSON.parse(document.body.dataset.config);

/** The sentence of this key, with its {placeholders} filled. */
export function say(key, values = {}) {
  return config.words[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

// Times are those of the business, as the contact's own phone would show them there.
const formatter = (options) => new Intl.DateTimeFormat(config.locale, { timeZone: config.zone, ...options });
const CLOCK = formatter({ hour: "2-digit", minute: "2-digit" });
const EXACT = formatter({ dateStyle: "full", timeStyle: "medium" });
const DATE = formatter({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const LATER = formatter({ weekday: "short", day: "numeric", month: "numeric", hour: "2-digit", minute: "2-digit" });
const DAY_MS = 86_400_000;

export const clockTime = (date) => CLOCK.format(date);
export const exactTime = (date) => EXACT.format(date);

/** A time that is to come: with its day unless that is today. */
export const comingTime = (date) => (DATE.format(date) === DATE.format(new Date()) ? CLOCK : LATER).format(date);

/** "Today", "Yesterday" or the date. */
export function dayName(date, now = new Date()) {
  const name = DATE.format(date);
  if (name === DATE.format(now)) return say("today");
  return name === DATE.format(new Date(now.getTime() - DAY_MS)) ? say("yesterday") : name;
}

/** A drawn icon of the sprite in the page. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** An element with classes and text. Text is only ever set as text: what a contact writes is never markup. */
export function element(name, classes = "", text = "") {
  const made = document.createElement(name);
  made.className = classes;
  made.textContent = text;
  return made;
}

/** A name nobody can guess, for a contact or a message. */
export function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
