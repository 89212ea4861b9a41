// The theme button goes round: as the system has it, light, dark. The choice is kept in this browser.
const root = document.documentElement;
const next = { auto: "light", light: "dark", dark: "auto" };
const words = { auto: "as the system has it", light: "light", dark: "dark" };

function remember(theme) {
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // It still holds for this page.
  }
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const theme = next[root.dataset.theme ?? "auto"];
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  remember(theme);
  document.dispatchEvent(new CustomEvent("portal:say", { detail: `Colour theme: ${words[theme]}` }));
});
