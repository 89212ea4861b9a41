// The choices of a request renew themselves while one chooses. An answer about older choices must neither undo a newer
// one nor take away what is being pressed: it is left out, and the newer choice asks by itself.
let pressed = false;
let left = null;

const choices = () => document.getElementById("choices");

function isOutdated(shown, sent) {
  const now = new FormData(shown.closest("form"));
  const names = new Set([...shown.querySelectorAll("[name]")].map((field) => field.name).concat("kind"));
  return [...names].some((name) => String(now.getAll(name)) !== String(sent.getAll(name)));
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig, xhr } = event.detail;
  if (target !== choices() || xhr.status >= 400) return;
  if (pressed) left = target;
  if (pressed || isOutdated(target, requestConfig.formData)) event.detail.shouldSwap = false;
});

document.addEventListener("pointerdown", (event) => {
  pressed = Boolean(choices()?.contains(event.target));
});

// After the click that follows: where that chose nothing, nobody else would ask again. A button asks by itself.
function release(event) {
  const asks = left && !event.target.closest("button");
  const renewed = left;
  pressed = false;
  left = null;
  if (asks) setTimeout(() => renewed.dispatchEvent(new Event("change", { bubbles: true })));
}
document.addEventListener("pointerup", release);
document.addEventListener("pointercancel", release);
