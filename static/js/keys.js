// Keys: Ctrl K for the palette; single keys for the rest, which can be switched off (WCAG 2.1.4) in the profile.
const help = document.getElementById("help");
let waiting = 0;

function switchedOff() {
  return document.body.dataset.keys === "off";
}

function press(event, key) {
  const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!target) return;
  event.preventDefault();
  target.focus();
  target.click();
}

function toRow(event, step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  event.preventDefault();
  const here = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(here + step, rows.length - 1))].focus();
}

function toSearch(event) {
  const search = document.querySelector("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
}

function single(event) {
  // "g" is the first half of a pair; the second must follow soon (milliseconds).
  if (Date.now() - waiting < 1000) {
    waiting = 0;
    return press(event, `g ${event.key}`);
  }
  if (event.key === "g") {
    waiting = Date.now();
    return undefined;
  }
  if (event.key === "j") return toRow(event, 1);
  if (event.key === "k") return toRow(event, -1);
  if (event.key === "/") return toSearch(event);
  return press(event, event.key);
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("portal:palette"));
    return;
  }
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const busy = typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]");
  const held = event.repeat && !"jk".includes(event.key);
  if (!busy && !held && event.key.length === 1 && !switchedOff()) single(event);
});

document.addEventListener("click", (event) => event.target.closest("[data-help]") && help?.showModal());
help?.addEventListener("click", (event) => event.target === help && help.close());
