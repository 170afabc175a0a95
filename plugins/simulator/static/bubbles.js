// The messages as bubbles: in order, with days, tails, times and ticks.

import { clockTime, config, dayName, element, exactTime, icon, say } from "./config.js";
import { choicesBelow, showTapped } from "./choices.js";
import { voiceNote } from "./voice.js";

const NEAR_THE_END = 80;

export class Bubbles {
  /** `onTap(message, choice)`: a choice below a message was tapped. */
  constructor(chat, list, onTap) {
    this.chat = chat;
    this.list = list;
    this.onTap = onTap;
    this.clear();
  }

  clear() {
    this.shown = new Map();
    this.list.replaceChildren();
  }

  get size() {
    return this.shown.size;
  }

  get messages() {
    return [...this.shown.values()].map((entry) => entry.message);
  }

  /** Show messages, new or changed. `toEnd`: go to the newest even if somebody reads further up. */
  put(messages, toEnd = false) {
    const follow = toEnd || this.#atEnd();
    for (const message of messages) {
      const key = message.posted || message.id;
      const entry = this.shown.get(key);
      if (entry) this.#change(entry, message);
      else this.shown.set(key, this.#make(message));
    }
    this.#arrange();
    showTapped(this.shown.values());
    if (follow) this.end();
  }

  end() {
    this.chat.scrollTop = this.chat.scrollHeight;
  }

  #atEnd() {
    return this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < NEAR_THE_END;
  }

  #make(message) {
    const item = element("li", `bubble ${message.mine ? "mine" : "theirs"}`);
    if (message.mine) item.append(element("span", "unseen", `${say("by_you")}: `));
    for (const file of message.media ?? []) item.append(this.#file(message, file));
    if (message.text) item.append(element("span", "text", message.text));
    if (message.description) item.append(element("span", "described", message.description));
    const meta = element("span", "meta");
    const time = element("time");
    meta.append(time);
    item.append(meta);
    if (message.choices) item.append(choicesBelow(message, this.onTap));
    const entry = { item, meta, time, message: {} };
    this.#change(entry, message);
    return entry;
  }

  #change(entry, message) {
    if (entry.message.at !== message.at) {
      const at = new Date(message.at);
      entry.time.textContent = clockTime(at);
      entry.time.dateTime = message.at;
      entry.time.title = exactTime(at);
    }
    if (message.mine && entry.message.state !== message.state) this.#tick(entry, message);
    entry.message = message;
  }

  #tick(entry, message) {
    const tick = element("span", `tick ${message.state}`);
    tick.title = message.error ?? say(`tick_${message.state}`);
    tick.append(icon(`tick-${message.state}`), element("span", "unseen", tick.title));
    entry.meta.querySelector(".tick")?.remove();
    entry.meta.append(tick);
    if (message.error) entry.item.append(element("span", "error", message.error));
  }

  #file(message, file) {
    const url = `media/${file.key}`;
    if (message.kind === "voice") return voiceNote(url, file.key);
    if (config.types.includes(file.type) && file.type.startsWith("image/")) {
      const image = element("img");
      image.alt = message.text || say("picture");
      // Its height is known only now: whoever was at the end stays there.
      image.addEventListener("load", () => this.chat.scrollHeight - this.chat.scrollTop < 3 * this.chat.clientHeight && this.end());
      image.src = url;
      return image;
    }
    const link = element("a", "file", say("document"));
    link.href = url;
    link.download = "";
    link.prepend(icon("icon-file"));
    return link;
  }

  /** Put every element in its place, with a line between two days and a tail where the other one begins to speak. */
  #arrange() {
    const order = [...this.shown.values()].sort((a, b) => before(a.message, b.message));
    const wanted = [];
    let day = "";
    let side = null;
    for (const { item, message } of order) {
      const name = dayName(new Date(message.at));
      if (name !== day) {
        wanted.push(this.list.querySelector(`[data-day="${CSS.escape(name)}"]`) ?? this.#day(name));
        side = null;
      }
      item.classList.toggle("tail", message.mine !== side);
      [day, side] = [name, message.mine];
      wanted.push(item);
    }
    wanted.forEach((node, place) => {
      if (this.list.children[place] !== node) this.list.insertBefore(node, this.list.children[place] ?? null);
    });
    while (this.list.children.length > wanted.length) this.list.lastElementChild.remove();
  }

  #day(name) {
    const line = element("li", "day");
    line.dataset.day = name;
    line.append(element("span", "", name));
    return line;
  }
}

/** What Frontdesk has not confirmed yet comes last; the rest by time, then by place in the lane. */
function before(a, b) {
  const waits = (message) => (message.id ? 0 : 1);
  return waits(a) - waits(b) || (a.at < b.at ? -1 : a.at > b.at ? 1 : (a.place ?? 0) - (b.place ?? 0));
}
