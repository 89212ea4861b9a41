// The choices of a request renew themselves while one chooses. An answer about older choices must neither undo a newer
// one nor take away what is being pressed: it is left out, and the newer choice asks by itself. What is known of the
// user ids stands above the choices: it would move what is being pressed, so it waits for the release. Other fields ask
// for the plan as well: an answer that was overtaken by one to a later question would show an older plan.
let pressed = false;
let left = null;
let waiting = [];
// A usual way that was pressed, until its answer fills the modes in.
let filling = null;

// The questions about the plan by their order, and the latest of them whose answer is shown.
const asked = new WeakMap();
let questions = 0;
let answered = 0;

const choices = () => document.getElementById("choices");
const planAddress = choices()?.parentElement.getAttribute("hx-post");

function isOutdated(shown, sent) {
  const now = new FormData(shown.closest("form"));
  const fields = [...shown.querySelectorAll("input[name], select[name], textarea[name]")];
  const names = new Set(fields.map((field) => field.name).concat("kind"));
  return [...names].some((name) => String(now.getAll(name)) !== String(sent.getAll(name)));
}

// Before the others, since nothing more is heard of an answer whose place in the page was taken by another one. That one
// was about what is chosen now; this one would still bring its plan along.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { target } = event.detail;
  if (target.id === "choices" && target !== choices()) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig, xhr } = event.detail;
  if (xhr.status >= 400) return;
  if (pressed && target.id === "look-up") {
    waiting.push(() => htmx.swap(target, xhr.response, { swapStyle: "innerHTML" }));
    event.detail.shouldSwap = false;
  }
  const order = asked.get(xhr) ?? Infinity;
  if (target === choices()) {
    if (pressed) left = target;
    const waits = pressed || (filling && filling !== requestConfig.elt);
    if (waits || isOutdated(target, requestConfig.formData)) event.detail.shouldSwap = false;
  }
  if (order < answered) event.detail.shouldSwap = false;
  else if (event.detail.shouldSwap && order < Infinity) answered = order;
});

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.requestConfig.path === planAddress) asked.set(detail.xhr, ++questions);
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
