// A form is sent once: the pressed button rests until the answer is there. Works for htmx and for plain forms.
const resting = new WeakMap();

function buttonOf(form, submitter) {
  return submitter ?? form.querySelector("button[type=submit], button:not([type])");
}

function rest(form, button) {
  if (!button || button.disabled) return;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  resting.set(form, button);
}

function restore(form) {
  const button = resting.get(form);
  if (!button) return;
  button.disabled = false;
  button.removeAttribute("aria-busy");
  resting.delete(form);
}

// Plain forms. A disabled button would not be part of what is sent, so it rests after the browser read the form.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog") return;
  if (resting.has(form)) {
    event.preventDefault();
    return;
  }
  setTimeout(() => rest(form, buttonOf(form, event.submitter)), 0);
});

// A download leaves the page where it is, and the back button brings a page back as it was left: both free the button.
document.addEventListener("submit", (event) => {
  if (event.target.hasAttribute("data-stays")) setTimeout(() => restore(event.target), 1500);
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("form").forEach(restore);
});

// htmx sends in the page's stead; a second press while the first is on its way does nothing.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, requestConfig } = event.detail;
  if (!elt.matches("form") || requestConfig.triggeringEvent?.type !== "submit") return;
  if (resting.has(elt)) event.preventDefault();
  else rest(elt, buttonOf(elt, requestConfig.triggeringEvent.submitter));
});
document.addEventListener("htmx:afterRequest", (event) => restore(event.detail.elt));
