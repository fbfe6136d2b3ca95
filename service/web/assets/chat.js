// Asking: the turns of a conversation, the question, and the stream of the answer.

import { address, call, events } from "./api.js";
import { $, h, icon } from "./dom.js";
import { addFiles, chooseFiles, collection, counts } from "./documents.js";
import { problem, say } from "./notices.js";
import { move, onMove, where } from "./state.js";
import { refreshConversations } from "./sidebar.js";
import { Turn } from "./turn.js";

let running = null; // {controller, turn}
let shown = null; // the conversation whose turns are there
let last = ""; // the question before, for the arrow key
let isPlain = true; // answers are sentences of documents, as long as no LLM is said to write them

const box = $("question");

function fit() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 200)}px`;
  $("send").disabled = !box.value.trim();
}

const isAtEnd = () => { const turns = $("turns"); return turns.scrollHeight - turns.scrollTop - turns.clientHeight < 120; };
const toEnd = () => { $("turns").scrollTop = $("turns").scrollHeight; };

export async function ask(message) {
  message = message.trim();
  if (!message || running) return;
  last = message;
  if (where.view) move({ view: null });
  $("turns").querySelector(".welcome")?.remove();
  const turn = new Turn(message, { ask, isPlain });
  const controller = new AbortController();
  running = { controller, turn };
  $("turns").append(turn.element);
  turn.wait();
  let follows = true;
  $("turns").onscroll = () => { follows = isAtEnd(); };
  turn.onGrow = () => follows && toEnd();
  toEnd();
  $("send").hidden = true;
  $("stop").hidden = false;
  const json = { message, collection: collection(), conversation_id: where.conversation, stream: true };
  let answerId = null;
  try {
    let isDone = false;
    for await (const { event, data } of events("chat", { method: "POST", json, signal: controller.signal })) {
      if (event === "meta") {
        answerId = data.answer_id;
        turn.meta(data);
        shown = data.conversation_id;
        move({ conversation: data.conversation_id }, { replace: true });
      } else if (event === "token") turn.token(data.text);
      else if (event === "citation") turn.citation(data);
      else if (event === "done") { turn.done(data); isDone = true; }
      else if (event === "error") throw Object.assign(new Error(data.detail), data);
    }
    if (!isDone) throw new TypeError("the stream broke off");
  } catch (error) {
    if (error instanceof TypeError) await lost(turn, answerId);
    else turn.failed(error);
  } finally {
    running = null;
    $("send").hidden = false;
    $("stop").hidden = true;
    fit();
    if (follows) toEnd();
    refreshConversations();
  }
}

/** The connection broke in the middle: what the service kept of the answer is shown, if it did. */
async function lost(turn, answerId) {
  turn.failed({ detail: "The connection was lost in the middle." });
  if (!answerId) return;
  try {
    turn.done({ ...await call(`answers/${answerId}`), isOld: true });
  } catch { /* it was not kept */ }
}

function welcome() {
  const { documents } = counts();
  const drop = h("div", { className: "drop" }, icon("page"),
    h("p", {}, h("strong", {}, "Drop files here"), ": PDF, Word, Excel, mail, web pages, pictures…"),
    h("div", { className: "row" },
      h("button", { type: "button", className: "primary", onclick: chooseFiles }, "Choose files"),
      h("button", { type: "button", className: "quiet", onclick: trySample }, "Try a sample document")));
  $("turns").replaceChildren(h("div", { className: "welcome" },
    h("h2", {}, documents ? "What would you like to know?" : "Ask your own documents"),
    h("p", {}, documents
      ? `Answers come from ${documents === 1 ? "the one document" : `the ${documents.toLocaleString()} documents`} in “${collection()}”, each sentence with the place where it stands.`
      : "Add a file, ask a question, and see each sentence of the answer marked on the page that it comes from."),
    documents ? "" : drop));
}

async function trySample() {
  const bytes = await (await fetch(new URL("sample.pdf", import.meta.url))).blob();
  addFiles([new File([bytes], "lighthouse.pdf", { type: "application/pdf" })]);
  box.value = "When is the lens cleaned?";
  fit();
  box.focus();
}

async function load(id) {
  stop();
  shown = id;
  if (!id) { welcome(); return; }
  try {
    const found = await call(`conversations/${encodeURIComponent(id)}`);
    if (where.conversation !== id || running) return;
    if (found.collection !== where.collection) move({ collection: found.collection }, { replace: true });
    $("turns").replaceChildren(...found.turns.map((said) => {
      const turn = new Turn(said.message, { ask, isPlain });
      turn.done({ ...said, isOld: true });
      last = said.message;
      return turn.element;
    }));
    const wanted = where.answer && document.getElementById(`answer-${where.answer}`);
    if (wanted) wanted.scrollIntoView({ block: "start" });
    else toEnd();
  } catch (error) {
    if (where.conversation !== id) return;
    if (error.status !== 404) problem(error);
    else { problem({ detail: "This conversation is gone." }); move({ conversation: null, answer: null }, { replace: true }); }
  }
}

const stop = () => running?.controller.abort();
export const stopAsking = () => { if (!running) return false; stop(); return true; };

export async function startChat() {
  box.oninput = fit;
  box.onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("asking").requestSubmit();
    } else if (event.key === "ArrowUp" && !box.value && last) {
      event.preventDefault();
      box.value = last;
      fit();
    }
  };
  $("asking").onsubmit = (event) => {
    event.preventDefault();
    if (running || !box.value.trim()) return;
    const message = box.value;
    box.value = "";
    fit();
    ask(message);
  };
  $("stop").onclick = () => { stop(); box.focus(); };
  $("new-conversation").onclick = () => {
    move({ conversation: null, answer: null, view: null, document: null, page: null, start: null, end: null });
    box.focus();
    say("New conversation");
  };
  onMove((now) => {
    if (now.conversation !== shown && !running) load(now.conversation);
    else if (running && now.conversation !== shown) { stop(); load(now.conversation); }
  });
  addEventListener("counted", () => { if (!where.conversation && !running && $("turns").querySelector(".welcome")) welcome(); });
  addEventListener("reconnected", () => { if (where.conversation && !running) load(where.conversation); });
  fit();
  welcome();
  const ready = await fetch(address("readyz")).then((response) => response.json()).catch(() => ({}));
  isPlain = (ready.llm ?? "extractive") === "extractive";
  if (where.conversation) load(where.conversation);
}
