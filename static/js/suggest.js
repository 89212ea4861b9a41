// A suggested user id takes the place of what was typed: of its line in a text of several, of all of it otherwise.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-use]");
  const field = button && document.getElementById(button.dataset.into);
  if (!field) return;
  const { use, instead } = button.dataset;
  const lines = field.value.split("\n").map((line) => (line.trim() === instead ? use : line));
  field.value = lines.join("\n");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  field.focus();
});
