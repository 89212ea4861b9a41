// Says what happened: to screen readers in the live region, and where it matters to the eye as a short toast.
const region = document.getElementById("live");
const toasts = document.getElementById("toasts");
let timer = 0;
let lost = false;

function toast(text, bad) {
  const piece = document.getElementById(bad ? "toast-bad" : "toast-good")?.content.firstElementChild?.cloneNode(true);
  if (!piece || !toasts) return;
  piece.querySelector("[data-words]").textContent = text;
  toasts.replaceChildren(piece);
  clearTimeout(timer);
  timer = setTimeout(() => toasts.replaceChildren(), bad ? 12000 : 4000);
}

function say(text, bad = false) {
  if (region) region.textContent = text;
  toast(text, bad);
}

document.addEventListener("portal:say", (event) => say(event.detail));
document.addEventListener("portal:warn", (event) => say(event.detail, true));

// After a polled region was renewed, its data-say is read out, if it changed.
let said = "";
document.addEventListener("htmx:afterSettle", (event) => {
  const words = event.target.closest("[data-say]")?.dataset.say ?? "";
  if (words && said && words !== said && region) region.textContent = words;
  if (words) said = words;
});

// Whoever was signed out meanwhile is told so, and keeps the page with what was typed: no sign-in page inside a piece.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  const answered = xhr.responseURL ? new URL(xhr.responseURL).pathname : "";
  const login = document.body.dataset.login;
  if (login && answered === login && !pathInfo.requestPath.startsWith(login)) {
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("portal:signed-out"));
  }
});

// While the database is away a region that renews itself says so once, as it does where the connection is lost.
function isBusy({ xhr, requestConfig }) {
  if (xhr.status !== 503 || requestConfig?.verb !== "get") return false;
  if (!lost) say("The portal is busy. What you see may be old.", true);
  lost = true;
  return true;
}

document.addEventListener("htmx:responseError", (event) => {
  if (isBusy(event.detail)) return;
  const sentence = {
    403: "You may not do that, or this page is too old. Reload it and try again.",
    404: "That is not there any more. Reload the page.",
    429: "Too many tries at once. Wait a moment.",
    503: "The portal is busy. Look whether what you sent arrived, and try again in a moment.",
  }[event.detail.xhr.status];
  say(sentence ?? "The portal could not answer. Nothing was changed; try again in a moment.", true);
});

// The connection: said once when it goes and once when it is back, however often a region asks meanwhile.
document.addEventListener("htmx:sendError", () => {
  if (!lost) say("No connection to the portal. What you see may be old.", true);
  lost = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (lost && event.detail.successful) {
    lost = false;
    say("Connected again.");
  }
});
