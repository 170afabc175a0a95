// Joins the parts: the line, the bubbles, the composer and the panel; and lets an answer come the way answers come.

import { Bubbles } from "./bubbles.js";
import { Composer } from "./composer.js";
import { clockTime, randomName, say } from "./config.js";
import { Line } from "./line.js";
import { onGiveBack, showNext } from "./next.js";
import { showContact, showPanel, showTime } from "./panel.js";
import { offerOthers } from "./switch.js";

/** Dots that flash by are not seen: they stay this long before the answer takes their place. */
const DOTS_MS = 700;
const ON_THE_WAY = ["accepted", "sent"];

const $ = (id) => document.getElementById(id);
const line = new Line();
const bubbles = new Bubbles($("chat"), $("bubbles"), (message, choice) => line.tap(message, choice));
const composer = new Composer(line);
let loaded = false;
let doing = null;
let typing = false;
let dotsSince = 0;
let arriving = [];
let revealing = null;

function showDots(visible) {
  if (visible === !$("typing").hidden) return;
  dotsSince = performance.now();
  $("typing").hidden = !visible;
  if (visible) bubbles.end();
}

function show() {
  $("empty").hidden = !loaded || bubbles.size > 0;
  showDots(typing || (arriving.length > 0 && arriving[0].author === "bot"));
  showPanel(doing, !$("typing").hidden, line.lostSince);
  showNext(doing);
}

function reveal() {
  if (revealing || !arriving.length) return;
  const wait = arriving[0].author === "bot" ? DOTS_MS - (performance.now() - dotsSince) : 0;
  revealing = setTimeout(() => {
    revealing = null;
    showDots(false);
    bubbles.put([arriving.shift()]);
    show();
    tellReceipts();
    reveal();
  }, Math.max(0, wait));
}

function tellReceipts() {
  const theirs = [...bubbles.messages, ...arriving].filter((message) => !message.mine);
  const seen = document.visibilityState === "visible" ? bubbles.messages : [];
  line.receipts(
    theirs.filter((message) => ON_THE_WAY.includes(message.state)),
    seen.filter((message) => !message.mine && message.state !== "read"),
  );
}

line.addEventListener("change", ({ detail: change }) => {
  const known = new Set(bubbles.messages.map((message) => message.id));
  const isNew = (message) => !change.first && !message.mine && !known.has(message.id);
  ({ doing, typing } = change);
  loaded = true;
  for (const message of change.messages.filter(isNew)) {
    const waiting = arriving.findIndex((other) => other.id === message.id);
    if (waiting < 0) arriving.push(message);
    else arriving[waiting] = message;
  }
  bubbles.put(change.messages.filter((message) => !isNew(message)), change.first);
  show();
  reveal();
  tellReceipts();
});

line.addEventListener("pending", () => {
  const waiting = line.pending.map((message) => ({
    ...message,
    id: "",
    posted: message.id,
    mine: true,
    media: message.media ? [message.media] : [],
  }));
  bubbles.put(waiting, waiting.some((message) => message.state === "pending"));
  show();
});

line.addEventListener("connection", ({ detail: { lostSince } }) => {
  $("offline").hidden = !lostSince;
  $("offline").textContent = lostSince ? say("offline", { time: clockTime(lostSince) }) : "";
  show();
});

document.addEventListener("visibilitychange", tellReceipts);

function becomeSomebodyNew() {
  line.take(randomName());
  clearTimeout(revealing);
  [loaded, doing, typing, arriving, revealing] = [false, null, false, [], null];
  bubbles.clear();
  begin();
  composer.restore();
  composer.focus();
}

function begin() {
  showContact(line.mark);
  line.dispatchEvent(new Event("pending"));
  line.connect();
}

function tick() {
  const now = new Date();
  showTime(now);
  setTimeout(tick, 60_000 - (now.getTime() % 60_000));
}

for (const button of document.querySelectorAll("[data-new-contact]")) {
  button.addEventListener("click", becomeSomebodyNew);
}
for (const chip of document.querySelectorAll("[data-suggestion]")) {
  chip.addEventListener("click", () => {
    line.say("text", chip.textContent);
    composer.focus();
  });
}
onGiveBack(() => line.giveBack(doing.epoch));
tick();
begin();
offerOthers();
