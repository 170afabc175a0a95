// The line at the foot of the phone: text, a picture, a voice note. What is written survives a reload.

import { config, say } from "./config.js";
import { sampleVoiceNote } from "./voice.js";

const $ = (id) => document.getElementById(id);

export class Composer {
  constructor(line) {
    this.line = line;
    this.picture = null;
    this.busy = false;
    $("draft").addEventListener("input", () => this.#typed());
    $("draft").addEventListener("keydown", (event) => this.#key(event));
    $("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    $("attach").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", () => this.#choose($("file").files[0]));
    $("remove").addEventListener("click", () => this.#choose(null));
    $("voice").addEventListener("click", () => this.#upload(sampleVoiceNote(), ""));
    this.restore();
  }

  /** Show what this contact had begun to write. */
  restore() {
    $("draft").value = this.line.draft;
    this.#choose(null);
    this.#notice("");
  }

  focus() {
    $("draft").focus();
  }

  #typed() {
    this.line.draft = $("draft").value;
    this.#buttons();
  }

  #key(event) {
    // While a Vietnamese input method composes a letter, Enter ends the letter, not the message.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  }

  #choose(file) {
    this.#notice("");
    const fits = file && config.types.includes(file.type) && file.size <= config.maxBytes;
    if (file && !fits) this.#notice(say(file.size > config.maxBytes ? "too_large" : "wrong_type"));
    this.picture = fits ? file : null;
    $("file").value = "";
    const preview = $("attached").querySelector("img");
    URL.revokeObjectURL(preview.src);
    if (this.picture) preview.src = URL.createObjectURL(this.picture);
    else preview.removeAttribute("src");
    $("attached").hidden = !this.picture;
    $("attached-name").textContent = this.picture?.name ?? "";
    $("draft").placeholder = say(this.picture ? "caption" : "write");
    this.#buttons();
    if (this.picture) this.focus();
  }

  async #send() {
    const text = $("draft").value.trim();
    if (this.picture) {
      if (await this.#upload(this.picture, text)) this.#sent();
    } else if (text) {
      this.line.say("text", text);
      this.#sent();
    }
  }

  #sent() {
    $("draft").value = "";
    this.#typed();
    this.#choose(null);
    this.focus();
  }

  async #upload(blob, caption) {
    if (this.busy) return false;
    this.busy = true;
    this.#notice("");
    try {
      const { key, kind } = await this.line.upload(blob);
      this.line.say(kind, caption, { key, type: blob.type });
      return true;
    } catch (error) {
      this.#notice(error.message);
      return false;
    } finally {
      this.busy = false;
    }
  }

  #buttons() {
    const something = Boolean(this.picture || $("draft").value.trim());
    $("send").hidden = !something;
    $("voice").hidden = something;
  }

  #notice(text) {
    $("notice").textContent = text;
    $("notice").hidden = !text;
  }
}
