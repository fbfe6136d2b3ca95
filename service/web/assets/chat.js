// Asking: the turns of a conversation, the question, and the stream of the answer.

import { BrokenStream, call, events } from "./api.js";
import { $, h, icon } from "./dom.js";
import { addFiles, chooseFiles, collection, counts } from "./documents.js";
import { problem, say } from "./notices.js";
import { refreshConversations } from "./sidebar.js";
import { move, onMove, where } from "./state.js";
import { Turn } from "./turn.js";

let running = null; // {controller, turn}
let loads = 0; // the number of the load that counts
let isOurs = false; // whether a move is a step of asking, and not of somebody who goes elsewhere
let hasFailed = false; // whether a turn is shown that the service does not know
let last = ""; // the question before, for the arrow key
let isPlain = true; // answers are sentences of documents, as long as no LLM is said to write them
let follows = true; // whether the answer is kept in sight while it grows

const box = $("question");

function fit() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 200)}px`;
  $("send").disabled = !box.value.trim();
}

const isAtEnd = () => { const turns = $("turns"); return turns.scrollHeight - turns.scrollTop - turns.clientHeight < 120; };
const toEnd = () => $("turns").scrollTo({ top: $("turns").scrollHeight, behavior: "instant" });

/** Go to where the question is, which is no going away from it. */
function settle(changes) {
  isOurs = true;
  try { move(changes, { replace: true }); } finally { isOurs = false; }
}

export async function ask(message) {
  message = message.trim();
  if (!message || running) return;
  last = message;
  if (where.view) { isOurs = true; move({ view: null }); isOurs = false; }
  if (document.activeElement === $("send")) box.focus();
  $("turns").querySelector(".welcome")?.remove();
  const turn = new Turn(message, { ask, isPlain });
  const controller = new AbortController();
  running = { controller, turn };
  follows = true;
  turn.onGrow = () => follows && toEnd();
  $("turns").append(turn.element);
  turn.wait();
  toEnd();
  $("send").hidden = true;
  $("stop").hidden = false;
  const json = { message, collection: collection(), conversation_id: where.conversation, stream: true };
  let answerId = null;
  try {
    let isDone = false;
    for await (const { event, data } of events("chat", { method: "POST", json, signal: controller.signal })) {
      controller.signal.throwIfAborted();
      if (event === "meta") {
        answerId = data.answer_id;
        turn.meta(data);
        settle({ conversation: data.conversation_id });
      } else if (event === "token") turn.token(data.text);
      else if (event === "citation") turn.citation(data);
      else if (event === "done") { turn.done(data); isDone = true; }
      else if (event === "error") throw Object.assign(new Error(data.detail), data);
    }
    if (!isDone) throw new BrokenStream("no end");
  } catch (error) {
    hasFailed ||= turn.element.isConnected;
    if (error instanceof BrokenStream) await lost(turn, answerId);
    else turn.failed(error);
  } finally {
    if (running?.turn === turn) running = null;
    if (document.activeElement === $("stop")) box.focus();
    $("send").hidden = Boolean(running);
    $("stop").hidden = !running;
    fit();
    if (follows && turn.element.isConnected) toEnd();
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
  const said = `${collection()} ${documents}`;
  if ($("turns").querySelector(".welcome")?.dataset.said === said) return;
  const drop = h("div", { className: "drop" }, icon("page"),
    h("p", {}, h("strong", {}, "Drop files here"), ": PDF, Word, Excel, mail, web pages, pictures…"),
    h("div", { className: "row" },
      h("button", { type: "button", className: "primary", onclick: chooseFiles }, "Choose files"),
      h("button", { type: "button", className: "quiet", onclick: trySample }, "Try a sample document")));
  const page = h("div", { className: "welcome" },
    h("h2", {}, documents ? "What would you like to know?" : "Ask your own documents"),
    h("p", {}, documents
      ? `Answers come from ${documents === 1 ? "the one document" : `the ${documents.toLocaleString()} documents`} in “${collection()}”, each sentence with the place where it stands.`
      : "Add a file, ask a question, and see each sentence of the answer marked on the page that it comes from."),
    documents ? "" : drop);
  page.dataset.said = said;
  $("turns").replaceChildren(page);
}

async function trySample() {
  try {
    const response = await fetch(new URL("sample.pdf", import.meta.url));
    if (!response.ok) throw new Error("there is none");
    addFiles([new File([await response.blob()], "lighthouse.pdf", { type: "application/pdf" })]);
  } catch {
    problem({ detail: "The sample could not be loaded.", hint: "Load this page anew." });
    return;
  }
  box.value = "When is the lens cleaned?";
  fit();
  box.focus();
}

async function load(id) {
  const number = loads += 1;
  stop();
  hasFailed = false;
  $("turns").replaceChildren();
  if (!id) { welcome(); return; }
  try {
    const found = await call(`conversations/${encodeURIComponent(id)}`);
    if (number !== loads) return;
    if (found.collection !== collection()) settle({ collection: found.collection === "default" ? null : found.collection });
    const turns = found.turns.map((said) => {
      const turn = new Turn(said.message, { ask, isPlain });
      turn.done({ ...said, isOld: true });
      return turn.element;
    });
    last ||= found.turns.at(-1)?.message ?? "";
    $("turns").prepend(...turns); // somebody may have asked already
    const wanted = where.answer && document.getElementById(`answer-${where.answer}`);
    if (wanted) wanted.scrollIntoView({ block: "start" });
    else toEnd();
  } catch (error) {
    if (number !== loads) return;
    if (error.status === 404) {
      problem({ detail: "This conversation is gone." });
      settle({ conversation: null, answer: null });
      welcome();
    } else {
      $("turns").prepend(h("div", { className: "note bad", role: "alert" },
        h("span", {}, error.detail ?? "This conversation could not be loaded."),
        h("button", { type: "button", onclick: () => load(id) }, "Try again")));
    }
  }
}

function stop() {
  if (!running) return false;
  const { controller } = running;
  running = null; // its place is free at once; the rest ends in its own time
  controller.abort();
  return true;
}

export const stopAsking = stop;

export async function startChat() {
  box.oninput = fit;
  box.onkeydown = (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
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
  for (const event of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    $("turns").addEventListener(event, () => setTimeout(() => { follows = isAtEnd(); }, 150), { passive: true });
  }
  $("turns").addEventListener("scroll", () => { $("tip").hidden = true; }, { passive: true });
  $("new-conversation").onclick = () => {
    isOurs = true;
    move({ conversation: null, answer: null, view: null, document: null, page: null, start: null, end: null });
    isOurs = false;
    load(null);
    box.focus();
    say("New conversation");
  };
  onMove((now, before) => {
    const isElsewhere = (now.conversation ?? null) !== (before.conversation ?? null) || (now.collection || "default") !== (before.collection || "default");
    if (isElsewhere && !isOurs) load(now.conversation);
  });
  addEventListener("counted", () => { if ($("turns").querySelector(".welcome")) welcome(); });
  addEventListener("reconnected", () => { if (where.conversation && !running && !hasFailed) load(where.conversation); });
  fit();
  load(where.conversation);
  const ready = await fetch("readyz").then((response) => response.json()).catch(() => ({}));
  isPlain = (ready.llm ?? "extractive") === "extractive";
}
