// What is nicer with JavaScript; the pages work without.

// The API key stays in this tab, so that it need not be typed for each click.
const remember = () => {
  for (const key of document.querySelectorAll(".api-key")) {
    key.value = sessionStorage.getItem("api-key") ?? "";
    key.form.addEventListener("submit", () => sessionStorage.setItem("api-key", key.value));
  }
};
remember();

// The overview follows what happens, unless nobody looks or somebody is typing.
if (location.pathname === "/") {
  setInterval(async () => {
    if (document.hidden || document.activeElement?.matches("input")) return;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["h1", "main"]) {
      document.querySelector(part).replaceWith(page.querySelector(part));
    }
    remember();
  }, 5000);
}
