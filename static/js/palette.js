// The command palette: a dialog with a text field that steers a list (combobox and listbox pattern of ARIA).
const dialog = document.getElementById("palette");
const field = dialog?.querySelector("input");
const list = dialog ? [...dialog.querySelectorAll("[role=option]")] : [];
const byReference = dialog?.querySelector("[data-by-reference]");

const shown = () => list.filter((option) => !option.hidden);
const current = () => shown().findIndex((option) => option.getAttribute("aria-selected") === "true");

function select(index) {
  const options = shown();
  const chosen = options.length ? options[(index + options.length) % options.length] : null;
  for (const option of list) option.setAttribute("aria-selected", String(option === chosen));
  if (chosen) {
    field.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  } else {
    field.removeAttribute("aria-activedescendant");
  }
}

// "2041" and "DSR-2041" offer the ticket of that number. Nothing else that is typed here ever becomes an address.
function offerTicket(typed) {
  if (!byReference) return false;
  const number = /^(?:dsr-?)?(\d{1,18})$/i.exec(typed)?.[1];
  byReference.hidden = !number;
  if (!number) return false;
  const reference = `DSR-${number.replace(/^0+(?=\d)/, "").padStart(6, "0")}`;
  byReference.querySelector("[data-words]").textContent = `Open ticket ${reference}`;
  byReference.dataset.href = `${byReference.dataset.tickets}${reference}/`;
  return true;
}

function filter() {
  const typed = field.value.trim().toLowerCase();
  for (const option of list) {
    if (option !== byReference) option.hidden = !option.textContent.toLowerCase().includes(typed);
  }
  offerTicket(typed);
  for (const group of dialog.querySelectorAll("[role=group]")) {
    group.hidden = !group.querySelector("[role=option]:not([hidden])");
  }
  dialog.querySelector("[data-nothing]").hidden = shown().length > 0;
  select(0);
}

function open() {
  if (dialog.open || document.querySelector("dialog[open]")) return;
  field.value = "";
  dialog.showModal();
  filter();
  field.focus();
}

function onKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) select(current() + step);
  else if (event.key === "Enter") shown()[current()]?.click();
  else return;
  event.preventDefault();
}

if (dialog) {
  field.addEventListener("input", filter);
  dialog.addEventListener("keydown", onKey);
  dialog.addEventListener("click", (event) => {
    const option = event.target.closest("[data-href]");
    if (option) location.assign(option.dataset.href);
    else if (event.target === dialog) dialog.close();
  });
  document.addEventListener("click", (event) => event.target.closest("[data-palette]") && open());
  document.addEventListener("portal:palette", open);
}
