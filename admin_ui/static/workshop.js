// The phone: the newest line in sight, the cursor where one goes on writing.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "phone") return;
  const lines = event.target.querySelector(".phone-lines");
  lines.scrollTop = lines.scrollHeight;
  event.target.querySelector("#phone-text").focus();
});
