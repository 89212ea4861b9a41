// After a form came back with complaints, the focus stands on the first field that has one.
function toFirstProblem(within) {
  const field = within.querySelector("[aria-invalid=true], .errorlist.nonfield");
  if (!field) return;
  if (!field.matches("input, select, textarea, button")) field.tabIndex = -1;
  field.focus();
}

let pressed = false;
document.addEventListener("htmx:afterRequest", (event) => {
  const { requestConfig, xhr } = event.detail;
  // Only where somebody pressed the button: a plan that renews itself while one chooses must leave the focus alone.
  pressed = requestConfig?.triggeringEvent?.type === "submit" && xhr?.status === 422;
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (pressed) toFirstProblem(event.target.closest("main") ?? document);
  pressed = false;
});

toFirstProblem(document.querySelector("main") ?? document);

// A menu closes on Escape and on a click elsewhere.
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details[data-menu][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});
