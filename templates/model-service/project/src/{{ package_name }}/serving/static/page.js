// Optional enhancements: the page also works without JavaScript.

// Keep the API key for this tab, so that it need not be typed for each prediction.
const key = document.querySelector("#api-key");
if (key) {
  key.value = sessionStorage.getItem("api-key") ?? "";
  key.form.addEventListener("submit", () => sessionStorage.setItem("api-key", key.value));
}

// A canvas to draw on instead of a text area full of numbers.
const drawing = document.querySelector("#drawing");
if (drawing) {
  const height = Number(drawing.dataset.height);
  const width = Number(drawing.dataset.width);
  const ink = Number(drawing.dataset.ink);
  const text = drawing.querySelector("textarea");
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Drawing; the pixels are in the text area below");
  const context = canvas.getContext("2d");
  let pixels = text.value.trim().split(/\s+/).map(Number);
  if (pixels.length !== width * height) pixels = new Array(width * height).fill(0);

  const paint = () => {
    pixels.forEach((value, index) => {
      const grey = 255 - Math.round((255 * Math.min(Math.max(value, 0), ink)) / ink);
      context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
      context.fillRect(index % width, Math.floor(index / width), 1, 1);
    });
  };

  // A soft brush whose width matches the strokes in the training images.
  const radius = Math.max(width / 14, 1);
  const stroke = (event) => {
    if (!event.buttons) return;
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    const y = ((event.clientY - box.top) / box.height) * height;
    pixels = pixels.map((value, index) => {
      const distance = Math.hypot((index % width) + 0.5 - x, Math.floor(index / width) + 0.5 - y);
      const drop = Math.round(ink * Math.min(1, Math.max(0, 1.5 - distance / radius)));
      return Math.max(value, drop);
    });
    text.value = pixels.join(" ");
    paint();
  };

  const clear = document.createElement("button");
  Object.assign(clear, { type: "button", className: "quiet", textContent: "Clear" });
  clear.addEventListener("click", () => {
    pixels.fill(0);
    text.value = pixels.join(" ");
    paint();
  });
  canvas.addEventListener("pointerdown", stroke);
  canvas.addEventListener("pointermove", stroke);
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = drawing.querySelector("label").textContent;
  drawing.append(canvas, clear, details);
  details.append(summary, drawing.querySelector("label"), text);
  paint();
}
