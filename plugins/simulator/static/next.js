// The line above the composer: who answers next, and the way back to the bot for whoever may give it back.

import { comingTime, config, say } from "./config.js";

const $ = (id) => document.getElementById(id);
const OPERATOR = "operator:";

/** Show it. `doing` is as the server sends it, null: nobody has written yet. */
export function showNext(doing) {
  const owner = doing?.owner ?? "bot";
  $("next").className = owner === "bot" ? "" : "silent";
  $("answers").textContent = who(owner);
  $("again").textContent = doing?.returns_at ? say("answers_again", { time: comingTime(new Date(doing.returns_at)) }) : "";
  $("give-back").hidden = owner === "bot" || !config.mayGiveBack;
}

/** `give` is called with nothing and answers what went wrong, for the person; or nothing. */
export function onGiveBack(give) {
  const button = $("give-back");
  button.addEventListener("click", async () => {
    button.disabled = true;
    const problem = await give();
    button.disabled = false;
    if (problem) $("again").textContent = problem;
    else $("draft").focus();
  });
}

function who(owner) {
  if (owner === "bot") return say("answers_bot", { assistant: config.assistant });
  if (owner === OPERATOR) return say("answers_somebody");
  return owner.startsWith(OPERATOR) ? say("answers_operator", { name: owner.slice(OPERATOR.length) }) : say("answers_nobody");
}
