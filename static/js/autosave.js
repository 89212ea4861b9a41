// The form of a request saves itself by htmx while one types; here it does so once more when somebody leaves in between.
const form = document.querySelector("form[data-keep]");
let dirty = false;

if (form) {
  const changed = () => {
    dirty = true;
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  // What is sent on purpose needs no saving besides.
  form.addEventListener("submit", () => {
    dirty = false;
  });
  const own = (event) => event.detail.elt.id === "saves-itself";
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (own(event)) dirty = false;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (own(event) && !event.detail.successful) dirty = true;
  });
  const leave = () => {
    if (dirty && navigator.sendBeacon(form.dataset.keep, new FormData(form))) dirty = false;
  };
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave());
  window.addEventListener("pagehide", leave);
}
