// The choices of a request renew themselves while one chooses, and so does the plan beside them. An answer about older
// choices must neither undo a newer one, nor take away or move what is being pressed, nor show an older plan: it is left
// out. Whatever was left out or overtaken: once nothing is on its way, the plan is compared with what is chosen, and
// asked for again where it is of something else.
const form = document.getElementById("request-form");
const choices = () => document.getElementById("choices");
const planAddress = choices().parentElement.getAttribute("hx-post");
// What a plan hangs on besides the choices.
const AROUND = ["kind", "stream_app", "user_ids", "received_on"];

let pressed = false;
// What to do after the release.
let waiting = [];
// The requests about the plan by their order, and the latest whose answer is shown.
const asked = new Map();
let questions = 0;
let answered = 0;
// What the plan that is shown is of; of nothing that can be chosen until the page is looked through.
let planned = "";

// By its own state: of a request whose element has left the page, htmx says no more.
const isOnItsWay = (xhr) => xhr !== null && xhr.readyState > 0 && xhr.readyState < 4;
const isAbout = (detail) => detail.requestConfig.path === planAddress;

// What is chosen, by name: as it stands, or as it was sent where that is given.
function chosen(sent = null) {
  const now = new FormData(form);
  const fields = [...choices().querySelectorAll("input[name], select[name], textarea[name]")];
  const within = fields.filter((field) => field.type !== "hidden").map((field) => field.name);
  const around = AROUND.map((name) => [name, (sent ?? now).getAll(name)]);
  return JSON.stringify([...around, ...[...new Set(within)].sort().map((name) => [name, now.getAll(name)])]);
}

function isOutdated(shown, sent) {
  const now = new FormData(form);
  const fields = [...shown.querySelectorAll("input[name], select[name], textarea[name]")];
  const names = new Set(fields.map((field) => field.name).concat("kind"));
  return [...names].some((name) => String(now.getAll(name)) !== String(sent.getAll(name)));
}

function askAgainWhereOutdated() {
  const typing = document.activeElement?.matches("#choices input:not([type=radio], [type=checkbox]), #choices textarea");
  if ([...asked.keys()].some(isOnItsWay) || pressed || typing || planned === chosen()) return;
  choices().dispatchEvent(new Event("change", { bubbles: true }));
}

// Before the others, since nothing more is heard of an answer whose place in the page was taken by another one.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { target } = event.detail;
  if (target.id === "choices" && target !== choices()) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { detail } = event;
  const { target, requestConfig, xhr } = detail;
  if (xhr.status >= 400) return;
  if (pressed && target.id === "look-up") {
    waiting.push(() => htmx.swap(target, xhr.response, { swapStyle: "innerHTML" }));
    detail.shouldSwap = false;
  }
  if (!isAbout(detail)) return;
  if (pressed || asked.get(xhr) < answered || isOutdated(choices(), requestConfig.formData)) detail.shouldSwap = false;
  else answered = asked.get(xhr);
});

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (!isAbout(detail)) return;
  const { requestConfig, xhr } = detail;
  asked.set(xhr, ++questions);
  // After what htmx does with the answer, however the request ended.
  xhr.addEventListener("loadend", () => {
    if (asked.get(xhr) === answered) planned = chosen(requestConfig.formData);
    asked.delete(xhr);
    // Where Stream or the portal is in trouble, nobody is asked again and again.
    if (xhr.status < 400) setTimeout(askAgainWhereOutdated);
  });
});

// A usual way fills the modes in here and now: no answer is waited for, so that none can undo what is chosen next.
function fillIn(preset) {
  const fields = (name, type) => choices().querySelectorAll(`input[name=${name}]${type}`);
  for (const radio of choices().querySelectorAll("input[type=radio]")) {
    const mode = preset.getAttribute(`data-mode-${radio.name}`);
    if (mode !== null) radio.checked = radio.value === mode;
  }
  const withFiles = preset.getAttribute("data-files") === "yes";
  fields("files", "[type=hidden]").forEach((field) => field.remove());
  const [box] = fields("files", "[type=checkbox]");
  if (box) box.checked = withFiles;
  else if (withFiles) {
    // The box itself comes with the answer, since files can be deleted only with the user.
    const hidden = Object.assign(document.createElement("input"), { type: "hidden", name: "files", value: "yes" });
    choices().append(hidden);
  }
  if (preset.getAttribute("data-mode-user") !== "hard") {
    for (const name of ["new_channel_owner_id", "new_call_owner_id"]) fields(name, "").forEach((field) => (field.value = ""));
  }
  choices().dispatchEvent(new Event("change", { bubbles: true }));
}
document.addEventListener("click", (event) => {
  const preset = event.target.closest?.("button.preset");
  if (!preset) return;
  event.preventDefault();
  fillIn(preset);
});

document.addEventListener("pointerdown", (event) => {
  pressed = Boolean(choices()?.contains(event.target));
});

// After the click that follows.
function release() {
  const late = waiting;
  pressed = false;
  waiting = [];
  setTimeout(() => {
    late.forEach((show) => show());
    askAgainWhereOutdated();
  });
}
document.addEventListener("pointerup", release);
document.addEventListener("pointercancel", release);

// What was chosen before the scripts were there, or came back with the browser's Back: the page was made without it.
function isAsServed(field) {
  if (field.matches("[type=radio], [type=checkbox]")) return field.checked === field.defaultChecked;
  if (!field.options) return field.value === field.defaultValue;
  const served = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
  return field.value === served?.value;
}
window.addEventListener("pageshow", () => {
  const named = AROUND.flatMap((name) => [...document.getElementsByName(name)]);
  const fields = [...choices().querySelectorAll("input:not([type=hidden]), select, textarea"), ...named];
  if (fields.every(isAsServed)) planned = chosen();
  else askAgainWhereOutdated();
});
