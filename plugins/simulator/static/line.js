// The line to Frontdesk: what is heard comes by server-sent events, what is said is posted until it is accepted.

import { config, randomName, say } from "./config.js";

const OURS = { "X-Frontdesk-Simulator": "1" };
const JSON_HEADERS = { ...OURS, "Content-Type": "application/json" };
const POST_MS = 20_000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/** Things of this tenant that survive a reload. */
const kept = {
  key: (name) => `frontdesk.simulator.${config.tenant}.${name}`,
  get: (name) => localStorage.getItem(kept.key(name)),
  set: (name, value) => localStorage.setItem(kept.key(name), value),
  drop: (name) => localStorage.removeItem(kept.key(name)),
};

const post = (url, body, headers) =>
  fetch(url, { method: "POST", body, headers, cache: "no-store", signal: AbortSignal.timeout(POST_MS) });

/**
 * Events: `change` (detail as the server sends it), `pending` (a message waits, was accepted or refused),
 * `connection` (detail: `{ lostSince: Date | null }`).
 */
export class Line extends EventTarget {
  constructor() {
    super();
    this.retries = { connect: { failures: 0 }, flush: { failures: 0 } };
    this.lostSince = null;
    this.told = new Map();
    window.addEventListener("online", () => this.connect());
    this.take(kept.get("contact") ?? randomName());
  }

  /** Be this contact from now on. */
  take(contact) {
    this.contact = contact;
    kept.set("contact", contact);
    this.pending = JSON.parse(kept.get(`pending.${contact}`) ?? "[]");
    this.told.clear();
  }

  get mark() {
    return this.contact.slice(0, 4).toUpperCase();
  }

  get draft() {
    return kept.get(`draft.${this.contact}`) ?? "";
  }

  set draft(text) {
    if (text) kept.set(`draft.${this.contact}`, text);
    else kept.drop(`draft.${this.contact}`);
  }

  connect() {
    clearTimeout(this.retries.connect.timer);
    this.source?.close();
    const source = new EventSource(`events?contact=${this.contact}`);
    this.source = source;
    source.addEventListener("open", () => {
      this.retries.connect.failures = 0;
      this.#connection(null);
      this.flush();
    });
    source.addEventListener("change", (event) => this.#heard(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source !== this.source) return;
      // The browser does not come back after an HTTP error; so it is always done here.
      source.close();
      this.#connection(this.lostSince ?? new Date());
      this.#later("connect");
    });
  }

  /** Say something: kept until Frontdesk has it. The name is made once, so a repeated post is the same message. */
  say(kind, text, media = null, more = {}) {
    this.pending.push({ ...more, id: randomName(), kind, text, media, at: new Date().toISOString(), state: "pending" });
    this.#pendingChanged();
    this.flush();
  }

  /** Tap a choice below a message. */
  tap(message, choice) {
    this.say("button", choice.title, null, { tapped: { message: message.id, id: choice.id }, description: choice.description });
  }

  async flush() {
    if (this.flushing) return;
    this.flushing = true;
    try {
      let next;
      while ((next = this.pending.find((message) => message.state === "pending"))) {
        if (!(await this.#deliver(next))) break;
      }
    } finally {
      this.flushing = false;
    }
  }

  /** Upload a file; its key and kind. Throws an Error whose message is for the person. */
  async upload(blob) {
    if (blob.size > config.maxBytes) throw new Error(say("too_large"));
    let answer;
    try {
      answer = await post("media", blob, OURS);
    } catch {
      throw new Error(say("not_uploaded"));
    }
    if (answer.status === 413) throw new Error(say("too_large"));
    if (answer.status === 415) throw new Error(say("wrong_type"));
    if (answer.status === 429) throw new Error(say("too_many"));
    if (!answer.ok) throw new Error(say("not_uploaded"));
    return answer.json();
  }

  /** Tell what has reached this phone and what was on its screen: messages as the server sent them. */
  async receipts(delivered, read) {
    const news = (messages, state) => messages.map((m) => m.id).filter((id) => !this.told.has(`${state} ${id}`));
    const body = { contact: this.contact, delivered: news(delivered, "delivered"), read: news(read, "read") };
    const keys = [...body.delivered.map((id) => `delivered ${id}`), ...body.read.map((id) => `read ${id}`)];
    if (!keys.length) return;
    keys.forEach((key) => this.told.set(key, true));
    const answer = await post("receipts", JSON.stringify(body), JSON_HEADERS).catch(() => null);
    if (!answer?.ok) keys.forEach((key) => this.told.delete(key));
  }

  /** Have the bot answer again, if the owner is still who was shown; what went wrong, for the person, or nothing. */
  async giveBack(epoch) {
    const answer = await post("give-back", JSON.stringify({ contact: this.contact, epoch }), JSON_HEADERS).catch(() => null);
    if (answer?.ok) return "";
    return say(answer?.status === 409 ? "owner_changed" : "not_given_back");
  }

  async #deliver(message) {
    const { id, kind, text, media, tapped } = message;
    const name = say("contact_name", { mark: this.mark });
    // Of a choice its name is told; its words are those that were offered.
    const body = { id, from: this.contact, kind, text: tapped ? "" : text, name, media: media && { key: media.key }, choice: tapped };
    const answer = await post(config.webhook, JSON.stringify(body), JSON_HEADERS).catch(() => null);
    if (!answer || answer.status >= 500) {
      this.#later("flush");
      return false;
    }
    this.retries.flush.failures = 0;
    message.state = answer.ok ? "sent" : "failed";
    if (answer.status === 429) message.error = say("too_many");
    else if (!answer.ok) message.error = say("not_accepted", { status: answer.status });
    this.#pendingChanged();
    return true;
  }

  #heard(change) {
    const stored = new Set(change.messages.map((message) => message.posted));
    if (this.pending.some((message) => stored.has(message.id))) {
      this.pending = this.pending.filter((message) => !stored.has(message.id));
      this.#pendingChanged();
    }
    this.dispatchEvent(new CustomEvent("change", { detail: change }));
  }

  #pendingChanged() {
    kept.set(`pending.${this.contact}`, JSON.stringify(this.pending.filter((message) => message.state !== "failed")));
    this.dispatchEvent(new Event("pending"));
  }

  #connection(lostSince) {
    if (lostSince === this.lostSince) return;
    this.lostSince = lostSince;
    this.dispatchEvent(new CustomEvent("connection", { detail: { lostSince } }));
  }

  /** Call this method again, after a pause that grows with every failure. */
  #later(method) {
    const retry = this.retries[method];
    clearTimeout(retry.timer);
    retry.timer = setTimeout(() => this[method](), RETRY_MS[Math.min(retry.failures++, RETRY_MS.length - 1)]);
  }
}
