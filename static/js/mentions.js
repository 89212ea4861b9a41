// "@" in a note offers the people who may be mentioned. The focus stays in the text; the list follows it (ARIA listbox).
const people = [...(document.getElementById("people")?.content.querySelectorAll("[data-name]") ?? [])];
const region = document.getElementById("live");
const MOST = 6;
let list = null;

// The word that begins with @ right before the caret, or nothing.
function begun(field) {
  return /(?:^|[^\w.+@/-])@([\w.+@-]*)$/.exec(field.value.slice(0, field.selectionStart))?.[1];
}

// A part of the name, or the user name, begins with what was typed.
function begins(person, typed) {
  const words = person.textContent.toLowerCase().split(/[\s@._-]+/);
  return [person.dataset.name.toLowerCase(), ...words].some((word) => word.startsWith(typed));
}

function close() {
  if (!list) return;
  const field = list.field;
  list.element.remove();
  list = null;
  ["aria-controls", "aria-activedescendant", "aria-autocomplete"].forEach((name) => field.removeAttribute(name));
}

function select(place) {
  const options = [...list.element.children];
  list.at = (place + options.length) % options.length;
  options.forEach((option, one) => option.setAttribute("aria-selected", String(one === list.at)));
  list.field.setAttribute("aria-activedescendant", options[list.at].id);
  options[list.at].scrollIntoView({ block: "nearest" });
}

function take(name) {
  const { field } = list;
  const caret = field.selectionStart;
  const start = caret - begun(field).length;
  field.setRangeText(`${name} `, start, caret, "end");
  close();
  field.focus();
}

function offer(field) {
  const typed = begun(field)?.toLowerCase();
  close();
  if (typed === undefined) return;
  const fitting = people.filter((one) => begins(one, typed)).slice(0, MOST);
  if (!fitting.length || (fitting.length === 1 && fitting[0].dataset.name === typed)) return;
  const element = document.createElement("ul");
  element.className = "people";
  element.id = `${field.id}-people`;
  element.setAttribute("role", "listbox");
  element.setAttribute("aria-label", "People");
  fitting.forEach((one, place) => {
    const option = one.cloneNode(true);
    option.id = `${element.id}-${place}`;
    element.append(option);
  });
  field.after(element);
  list = { element, field, at: 0 };
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", element.id);
  select(0);
  if (region) region.textContent = `${fitting.length} suggested, arrow keys to choose, Enter to take`;
}

document.addEventListener("input", (event) => {
  if (people.length && event.target.matches("[data-mentions]")) offer(event.target);
});
document.addEventListener("keydown", (event) => {
  if (!list || event.target !== list.field) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) select(list.at + step);
  else if (event.key === "Enter" || event.key === "Tab") take(list.element.children[list.at].dataset.name);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
});
// The press must not take the focus out of the text.
document.addEventListener("mousedown", (event) => event.target.closest(".people") && event.preventDefault());
document.addEventListener("click", (event) => {
  const option = event.target.closest(".people [data-name]");
  if (option) take(option.dataset.name);
  else if (list && event.target !== list.field) close();
});
document.addEventListener("focusout", (event) => list && event.target === list.field && close());
