// The choices of a request renew themselves while one chooses. An answer about older choices must neither undo a newer
// one nor take away what is being pressed: it is left out, and the newer choice asks by itself. What is known of the
// user ids stands above the choices: it would move what is being pressed, so it waits for the release.
let pressed = false;
let left = null;
let waiting = [];
// A usual way that was pressed, until its answer fills the modes in.
let filling = null;

const choices = () => document.getElementById("choices");

function isOutdated(shown, sent) {
  const now = new FormData(shown.closest("form"));
  const fields = [...shown.querySelectorAll("input[name], select[name], textarea[name]")];
  const names = new Set(fields.map((field) => field.name).concat("kind"));
  return [...names].some((name) => String(now.getAll(name)) !== String(sent.getAll(name)));
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig, xhr } = event.detail;
  if (xhr.status >= 400) return;
  if (pressed && target.id === "look-up") {
    waiting.push(() => htmx.swap(target, xhr.response, { swapStyle: "innerHTML" }));
    event.detail.shouldSwap = false;
  }
  if (target !== choices()) return;
  if (pressed) left = target;
  const waits = pressed || (filling && filling !== requestConfig.elt);
  if (waits || isOutdated(target, requestConfig.formData)) event.detail.shouldSwap = false;
});

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.elt.matches(".preset")) filling = detail.elt;
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.elt === filling) filling = null;
});

document.addEventListener("pointerdown", (event) => {
  pressed = Boolean(choices()?.contains(event.target));
});

// After the click that follows: where that chose nothing, nobody else would ask again. A button asks by itself.
function release(event) {
  const asks = left && !event.target.closest("button");
  const renewed = left;
  const late = waiting;
  pressed = false;
  left = null;
  waiting = [];
  setTimeout(() => {
    late.forEach((show) => show());
    if (asks) renewed.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
document.addEventListener("pointerup", release);
document.addEventListener("pointercancel", release);
