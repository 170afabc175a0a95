// Voice notes: a small sample to send (no microphone is asked for), and a player for the bubble.

import { element, icon, say } from "./config.js";

const RATE = 8000;
const SECONDS = 2;
const BARS = 28;
const HEADER = 44;

/** Two seconds of a hum that rises and falls like a question, as a WAV file (8 bit, mono, 8 kHz). */
export function sampleVoiceNote() {
  const count = RATE * SECONDS;
  const view = new DataView(new ArrayBuffer(HEADER + count));
  const ascii = (at, text) => [...text].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  ascii(0, "RIFF");
  view.setUint32(4, HEADER - 8 + count, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE, true); // bytes a second
  view.setUint16(32, 1, true); // bytes a sample
  view.setUint16(34, 8, true); // bits a sample
  ascii(36, "data");
  view.setUint32(40, count, true);
  let phase = 0;
  for (let n = 0; n < count; n++) {
    const second = n / RATE;
    phase += (2 * Math.PI * (150 + 45 * Math.sin(2.4 * second) + 20 * second)) / RATE;
    const loudness = Math.max(0, Math.sin(Math.PI * 3.5 * second)) * Math.min(1, 4 * (SECONDS - second));
    view.setUint8(HEADER + n, 128 + 30 * loudness * (Math.sin(phase) + 0.4 * Math.sin(2 * phase)));
  }
  return new Blob([view], { type: "audio/wav" });
}

/** A player: a button, and a wave that fills as it plays. `seed` (hexadecimal) draws the wave, always the same one. */
export function voiceNote(url, seed) {
  const box = element("span", "voice-note");
  const button = element("button", "play");
  button.type = "button";
  const wave = element("span", "wave");
  const bars = Array.from({ length: BARS }, (_, place) => {
    const bar = element("i");
    bar.style.height = `${4 + parseInt(seed[place % seed.length], 16) * 1.1}px`;
    return bar;
  });
  wave.append(...bars);
  const audio = new Audio();
  audio.preload = "none";
  audio.src = url;
  const draw = () => {
    const part = audio.duration ? audio.currentTime / audio.duration : 0;
    bars.forEach((bar, place) => bar.classList.toggle("played", place < part * BARS));
    button.replaceChildren(icon(audio.paused ? "icon-play" : "icon-pause"));
    button.setAttribute("aria-label", say(audio.paused ? "play" : "pause"));
  };
  button.addEventListener("click", () => (audio.paused ? audio.play().catch(draw) : audio.pause()));
  ["play", "pause", "ended", "timeupdate"].forEach((event) => audio.addEventListener(event, draw));
  draw();
  box.append(button, wave, element("span", "unseen", say("voice_note")));
  return box;
}
