// Sends questions, shows sentences as they arrive, opens sources, sends feedback.

const $ = (selector, root = document) => root.querySelector(selector);
const conversation = $("#conversation");
const form = $("#ask");
const key = $("#api-key");
const question = $("#question");
let history = [];

// The API key is stored for this tab only, so that it is entered once.
if (key) key.value = sessionStorage.getItem("api-key") ?? "";

const call = (path, body) =>
  fetch(path, {
    method: body ? "POST" : "GET",
    headers: { "Content-Type": "application/json", ...(key && { "X-API-Key": key.value }) },
    body: body && JSON.stringify(body),
  });

const detail = async (response) => (await response.json().catch(() => ({}))).detail;

// Parses server-sent events from a response: EventSource can send neither a POST nor a header.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [, name, data] = block.match(/^event: (\w+)\ndata: (.*)$/s);
      yield { name, data: JSON.parse(data) };
    }
  }
}

async function showSource(citation) {
  const path = citation.document.split("/").map(encodeURIComponent).join("/");
  const response = await call(`/v1/documents/${path}`);
  const place = $("#source-text");
  $("#source-title").textContent = citation.title;
  if (response.ok) {
    // Spans count code points; JavaScript's strings count UTF-16 units.
    const text = [...(await response.json()).text];
    const mark = document.createElement("mark");
    mark.textContent = text.slice(citation.start, citation.end).join("");
    place.replaceChildren(
      text.slice(0, citation.start).join(""),
      mark,
      text.slice(citation.end).join(""),
    );
    $("#source").showModal();
    mark.scrollIntoView({ block: "center" });
  } else {
    place.textContent = (await detail(response)) ?? "The source can't be shown.";
    $("#source").showModal();
  }
}

function addSentence(answer, sentence) {
  answer.append(answer.hasChildNodes() ? " " : "", sentence.text);
  for (const citation of sentence.sources) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "citation", textContent: citation.number });
    button.title = [citation.title, citation.heading].filter(Boolean).join(": ");
    button.setAttribute("aria-label", `Source ${citation.number}: ${button.title}`);
    button.addEventListener("click", () => showSource(citation));
    answer.append(" ", button);
  }
}

function enableFeedback(turn, asked, answer) {
  const feedback = $(".feedback", turn);
  feedback.hidden = false;
  for (const button of feedback.querySelectorAll("button")) {
    button.addEventListener("click", async () => {
      const response = await call("/v1/feedback", {
        answer_id: answer.id,
        verdict: button.dataset.verdict,
        question: asked,
        answer: answer.text,
        sources: answer.citations.map(({ document, quote }) => ({ document, quote })),
      });
      $("[role=status]", feedback).textContent = response.ok ? "Thank you." : await detail(response);
    });
  }
}

function showProblem(turn, text) {
  const problem = $(".problem", turn);
  problem.hidden = false;
  problem.textContent = text ?? "The service did not answer.";
}

async function ask(asked) {
  conversation.append($("#turn").content.cloneNode(true));
  const turn = conversation.lastElementChild;
  $(".asked", turn).textContent = asked;
  const place = $(".answer", turn);
  const response = await call("/v1/answers", { question: asked, history, stream: true });
  if (!response.ok) return showProblem(turn, await detail(response));
  for await (const { name, data } of events(response)) {
    if (name === "sentence") addSentence(place, data);
    else if (name === "problem") showProblem(turn, data.detail);
    else {
      turn.dataset.outcome = data.outcome;
      const notes = [`confidence ${Math.round(100 * data.confidence)} %`];
      if (data.question !== asked) notes.push(`understood as: ${data.question}`);
      if (data.cached) notes.push("from the cache");
      $(".note", turn).textContent = notes.join(" · ");
      history = [...history, { question: data.question, answer: data.text }].slice(-10);
      enableFeedback(turn, asked, data);
    }
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (key) sessionStorage.setItem("api-key", key.value);
  const asked = question.value.trim();
  if (!asked) return;
  question.value = "";
  const button = $("button", form);
  button.disabled = true;
  try {
    await ask(asked);
  } catch {
    showProblem(conversation.lastElementChild);
  } finally {
    button.disabled = false;
    question.focus();
  }
});

question.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit();
  }
});

$("#new-conversation").addEventListener("click", () => {
  history = [];
  conversation.replaceChildren();
});
