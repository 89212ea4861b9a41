// A button with data-copy puts that text on the clipboard and says so.
function say(text) {
  document.dispatchEvent(new CustomEvent("portal:say", { detail: text }));
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    say("Copied");
  } catch {
    // The clipboard needs https or the same machine.
    say("This browser does not let the page copy. Select the text instead.");
  }
});
