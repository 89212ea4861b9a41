// Two people on one ticket: what changed is renewed part by part, and a part that somebody types into stays as it is.
// Beside it stands what happened meanwhile, and the new part comes when it is asked for; what was typed goes with it.
const TEXT = "textarea, input:not([type=hidden], [type=radio], [type=checkbox], [type=file], [type=submit])";
const waiting = new WeakMap();

const fieldsOf = (part) => [...part.querySelectorAll("input:not([type=hidden]), textarea, select")];
const keyOf = (part) => part.dataset.part || part.id || part.getAttribute("aria-labelledby") || "";
const partsOf = (whole) => [...whole.children].filter((child) => keyOf(child));

function touched(field) {
  if (field.readOnly) return false;
  if (field.type === "radio" || field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.type === "file") return field.files.length > 0;
  if (field.matches("select")) {
    const chosen = [...field.options].some((option) => option.defaultSelected);
    return [...field.options].some((option, place) => option.selected !== (chosen ? option.defaultSelected : !place));
  }
  return field.value !== field.defaultValue;
}

// A refused form comes back with what was typed as if it had always been there: it is told by what a fresh one holds.
function holdsText(field, fresh) {
  if (!field.matches(TEXT) || field.readOnly || !field.value) return false;
  const twin = fieldsOf(fresh).find((one) => one.name === field.name && one.form?.action === field.form?.action);
  return field.value !== (twin?.defaultValue ?? "");
}

function isTyped(part, fresh) {
  const active = document.activeElement;
  const inside = part.contains(active) && active.matches(TEXT) && !active.readOnly;
  return inside || fieldsOf(part).some((field) => touched(field) || holdsText(field, fresh));
}

// What a part says and sends, without the times, which grow by themselves, and without complaints.
function meaning(part) {
  const copy = part.cloneNode(true);
  copy.querySelectorAll("time, textarea, .err, .errorlist, .news").forEach((piece) => piece.remove());
  const sent = [...copy.querySelectorAll("input[type=hidden]:not([name=csrfmiddlewaretoken])")];
  const forms = [...copy.querySelectorAll("form")];
  const pieces = [copy.textContent.replace(/\s+/g, " "), ...sent.map((one) => one.value), ...forms.map((one) => one.action)];
  return pieces.join("\n");
}

function keepOpen(old, fresh) {
  const before = [...old.querySelectorAll("details")];
  [...fresh.querySelectorAll("details")].forEach((piece, place) => {
    if (before.length && before[place]) piece.open = before[place].open;
  });
}

function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  keepOpen(old, fresh);
  old.replaceWith(fresh);
  window.htmx?.process(fresh);
  if (focused) document.getElementById(focused)?.focus();
}

function tell(part, fresh, words) {
  waiting.set(part, fresh);
  let notice = part.querySelector(":scope > .news");
  if (!notice) {
    notice = document.getElementById("news")?.content.firstElementChild.cloneNode(true);
    if (!notice) return;
    part.prepend(notice);
  }
  notice.querySelector("[data-words]").textContent = words;
}

function patch(old, fresh, words) {
  if (!isTyped(old, fresh)) return replace(old, fresh);
  if (!partsOf(old).length) {
    if (meaning(old) !== meaning(fresh)) tell(old, fresh, words);
    return undefined;
  }
  return patchParts(old, fresh, words);
}

function patchParts(old, fresh, words) {
  const coming = partsOf(fresh);
  const there = new Map(partsOf(old).map((part) => [keyOf(part), part]));
  for (const [key, part] of there) {
    if (coming.some((one) => keyOf(one) === key)) continue;
    if (isTyped(part, document.createElement("div"))) tell(part, null, words);
    else part.remove();
  }
  let last = null;
  for (const part of coming) {
    const known = there.get(keyOf(part));
    if (known) patch(known, part, words);
    else if (last) last.after(part);
    else old.prepend(part);
    last = partsOf(old).find((one) => keyOf(one) === keyOf(part));
  }
}

// What was typed goes into the same form of the new part; without one it stays in the notice, to be copied.
function show(part) {
  const fresh = waiting.get(part);
  const typed = fieldsOf(part).filter((field) => field.matches(TEXT) && !field.readOnly && field.value);
  const lost = [];
  for (const field of typed) {
    const twin = fresh && fieldsOf(fresh).find((one) => one.name === field.name && one.form?.action === field.form?.action);
    if (twin?.matches("textarea")) twin.value = field.value;
    else if (field.matches("textarea")) lost.push(field.value);
  }
  if (!lost.length) {
    part.querySelector(":scope > .news").remove();
    if (fresh) replace(part, fresh);
    else part.remove();
    document.getElementById("main")?.focus({ preventScroll: true });
    return;
  }
  const notice = part.querySelector(":scope > .news");
  notice.querySelector("[data-show]").remove();
  notice.querySelector(".kept").hidden = false;
  notice.querySelector(".kept textarea").value = lost.join("\n\n");
  part.before(notice);
  if (fresh) replace(part, fresh);
  else part.remove();
  notice.querySelector(".kept textarea").focus();
}

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  if (!target.matches("[data-together]")) return;
  event.detail.shouldSwap = false;
  const fresh = fragment.firstElementChild;
  patch(target, fresh, fresh.dataset.news ?? "");
});

document.addEventListener("click", (event) => {
  const notice = event.target.closest("[data-show]")?.closest(".news");
  if (notice) show(notice.parentElement);
});

// Nobody looks: nothing is asked, and the others are told that this page is not looked at.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "progress" && document.hidden) event.preventDefault();
});
