// Optional conveniences; all pages also work without JavaScript.

// Keep the API key in this tab, so that it does not have to be entered for each action.
const restoreKey = () => {
  for (const key of document.querySelectorAll(".api-key")) {
    key.value = sessionStorage.getItem("api-key") ?? "";
    key.form.addEventListener("submit", () => sessionStorage.setItem("api-key", key.value));
  }
};
restoreKey();

// Refresh the overview page, unless it is hidden or the user is typing.
if (location.pathname === "/") {
  setInterval(async () => {
    if (document.hidden || document.activeElement?.matches("input")) return;
    const response = await fetch(location.href).catch(() => null);
    if (!response?.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of ["h1", "main"]) {
      document.querySelector(part).replaceWith(page.querySelector(part));
    }
    restoreKey();
  }, 5000);
}
