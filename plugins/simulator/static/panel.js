// Beside the phone: what the bot is doing, in words.

import { clockTime, config, say } from "./config.js";

const $ = (id) => document.getElementById(id);
const STEPS = ["heard", "waiting", "thinking", "sent", "read"];
/** The bot's step → the place in STEPS that is going on; everything before it is done. */
const GOING_ON = { idle: -1, waiting: 1, thinking: 2, sending: 3, stuck: 3, accepted: 4, sent: 4, delivered: 4, read: 5 };
const OPERATOR = "operator:";

/**
 * Show it. `doing` is as the server sends it, null: nobody has written yet; `asOf` is when the connection was lost, null
 * while there is one.
 */
export function showPanel(doing, typing, asOf) {
  const owner = doing?.owner ?? "bot";
  const step = doing?.step ?? "idle";
  const silent = owner !== "bot" && (step === "waiting" || step === "thinking");
  $("doing").textContent = say(silent ? "doing_silent" : `doing_${step === "accepted" ? "sent" : step}`);
  $("detail").textContent = asOf ? say("as_of", { time: clockTime(asOf) }) : detail(doing, step);
  const place = silent ? 1 : GOING_ON[step];
  for (const item of $("steps").children) {
    const mine = STEPS.indexOf(item.dataset.step);
    const now = mine === place && !silent;
    item.className = mine < place ? "done" : now ? (step === "stuck" ? "stuck" : "now") : "";
    if (now) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
  $("owner").textContent = ownerName(owner);
  $("owner").className = owner === "bot" ? "" : "called";
  $("presence").textContent = asOf ? say("unconnected") : typing ? say("typing") : presence(owner);
}

/** Show who the contact is, and the time at the business. */
export function showContact(mark) {
  $("me").textContent = say("contact_name", { mark });
}

export function showTime(now) {
  $("clock").textContent = clockTime(now);
  $("time-there").textContent = `${clockTime(now)} · ${config.zone}`;
}

function detail(doing, step) {
  if (!doing) return "";
  if (step === "stuck") return doing.error;
  if (doing.owner === "nobody" && doing.reason) return say("operators_told", { reason: doing.reason });
  if (doing.waiting) return doing.waiting === 1 ? say("heard_one") : say("heard_many", { count: doing.waiting });
  const seconds = (new Date(doing.answered_at) - new Date(doing.heard_at)) / 1000;
  if (!doing.answered_at || !doing.heard_at || seconds < 0) return "";
  const number = new Intl.NumberFormat(config.locale, { maximumFractionDigits: 1 });
  return say("answered_after", { seconds: number.format(seconds) });
}

function ownerName(owner) {
  if (owner === OPERATOR) return say("owner_somebody");
  if (owner.startsWith(OPERATOR)) return say("owner_operator", { name: owner.slice(OPERATOR.length) });
  return owner === "bot" ? say("owner_bot", { assistant: config.assistant }) : say("owner_nobody");
}

function presence(owner) {
  if (owner === "bot") return say("online");
  return say(owner.startsWith(OPERATOR) ? "person_answers" : "person_called");
}
