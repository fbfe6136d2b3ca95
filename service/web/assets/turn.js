// A question and its answer, while it comes and afterwards.

import { call } from "./api.js";
import { $, h, icon } from "./dom.js";
import { MarkdownStream } from "./markdown.js";
import { problem, say, tipFor, toast } from "./notices.js";
import { openSource } from "./reader.js";

const DEGRADED = {
  llm_unavailable: "The language model is away: these are sentences of the documents instead.",
  llm_interrupted: "The language model broke off in the middle.",
  stopped: "Stopped before its end.",
  persona_needs_llm: "Without a language model there is no tone: these are the documents' own sentences.",
  reranker_unavailable: "The reranker is away: the passages may be in a lesser order.",
};

const place = (citation) => (citation.page ? `${citation.filename}, page ${citation.page}` : citation.filename);
const oneLine = (text) => text.replace(/\s+/g, " ").trim();

export class Turn {
  /** `ask(message)` asks anew; `isPlain`: answers are sentences of documents, and no Markdown. */
  constructor(message, { ask, isPlain }) {
    Object.assign(this, { message, ask, isPlain, citations: new Map(), reply: null });
    this.body = h("div", { className: "answer" });
    this.understood = h("p", { className: "understood", hidden: true });
    this.after = h("div");
    this.element = h("article", { className: "turn", "aria-label": "Question and answer" },
      h("h2", { className: "asked" }, message), this.understood, this.body, this.after);
    this.markdown = new MarkdownStream(this.body, { chip: (number) => this.chip(number), isPlain });
  }

  wait() {
    this.body.replaceChildren(h("p", { className: "dots" }, h("span", { className: "hidden" }, "Looking in your documents")));
    this.element.setAttribute("aria-busy", "true");
    this.isEmpty = true;
  }

  meta({ standalone_question: understood }) {
    this.understood.textContent = `Understood as: ${understood}`;
    this.understood.hidden = oneLine(understood) === oneLine(this.message);
  }

  token(text) {
    if (this.isEmpty) { this.body.replaceChildren(); this.isEmpty = false; this.body.classList.add("caret"); }
    this.markdown.feed(text);
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.markdown.show(); this.onGrow?.(); });
  }

  citation(citation) {
    this.citations.set(citation.id, citation);
  }

  /** Show the whole reply: of /chat, or as a conversation has it. */
  done(reply) {
    this.end();
    this.reply = reply;
    this.meta(reply);
    this.citations = new Map(reply.citations.map((one) => [one.id, one]));
    this.element.id = `answer-${reply.answer_id}`;
    if (reply.removed) {
      this.body.replaceChildren(h("p", { className: "understood" }, "This answer was deleted with a document that it spoke of."));
      return;
    }
    if (reply.state === "not_in_documents") this.withheld(reply);
    else {
      this.markdown.finish(reply.answer, codePointSpans(reply.answer, reply.unsupported), reply.model ? reply.model === "extractive" : this.isPlain);
      this.after.replaceChildren(...this.notes(reply), this.sources(reply.citations));
    }
    this.after.append(this.actions(reply), this.related(reply));
    if (!reply.isOld) say(reply.state === "not_in_documents" ? "Not in your documents." : `Answer: ${reply.answer}`);
  }

  end() {
    $("tip").hidden = true; // its chip is about to be another one
    cancelAnimationFrame(this.frame);
    this.frame = null;
    this.body.classList.remove("caret");
    this.element.removeAttribute("aria-busy");
  }

  /** It ended without a reply: stopped by the reader, or by an error. */
  failed(error) {
    this.end();
    if (this.isEmpty) this.body.replaceChildren();
    else this.markdown.show();
    const isStopped = error.name === "AbortError";
    const text = isStopped ? "Stopped." : [error.detail ?? "Something went wrong.", error.hint].filter(Boolean).join(" ");
    this.after.replaceChildren(h("div", { className: isStopped ? "note" : "note bad", role: isStopped ? null : "alert" },
      h("span", {}, text), h("button", { type: "button", onclick: () => this.ask(this.message) }, "Ask again")));
  }

  withheld({ nearest }) {
    this.body.replaceChildren(h("div", { className: "withheld" },
      h("h3", {}, icon("search"), "Not in your documents"),
      h("p", {}, nearest.length
        ? "No passage answers this. These come closest, and may be worth a look:"
        : "No passage speaks of this. Add a document that does, or ask in other words.")));
    this.after.replaceChildren(this.sources(nearest, "Closest passages"));
  }

  notes({ state, degraded, unsupported }) {
    const said = degraded.map((name) => DEGRADED[name] ?? name);
    if (unsupported.length) {
      said.push(`${unsupported.length === 1 ? "The underlined sentence is" : `${unsupported.length} underlined sentences are`} not carried by what the answer cites: check before you rely on it.`);
    } else if (state === "partial" && !degraded.length) said.push("Parts of this answer are not carried by what it cites.");
    return said.map((text) => h("div", { className: "note" }, icon("warn"), h("span", {}, text)));
  }

  chip(number) {
    const chip = h("button", { type: "button", className: "chip", onclick: () => this.open(number, chip) }, String(number));
    const said = () => this.citations.get(number);
    chip.setAttribute("aria-label", `Source ${number}`);
    if (said()) {
      chip.setAttribute("aria-label", `Source ${number}: ${place(said())}`);
      chip.classList.toggle("shaky", !said().supported);
    }
    tipFor(chip, () => said() && [h("span", {}, `“${oneLine(said().quote)}”`), h("span", { className: "place" }, place(said()))]);
    return chip;
  }

  open(number) {
    const citation = this.citations.get(number);
    if (citation) openSource(citation);
  }

  sources(citations, label = "Sources") {
    return h("div", { className: "sources", role: "list", "aria-label": label }, citations.map((citation) =>
      h("div", { role: "listitem" }, h("button", { type: "button", className: "source", onclick: () => openSource(citation) },
        h("span", { className: "chip number" }, String(citation.id)),
        h("span", { className: "place" }, place(citation)),
        h("span", { className: "quote" }, `“${oneLine(citation.quote)}”`)))));
  }

  actions(reply) {
    const rate = (rating, name, label) => h("button", {
      type: "button", "aria-label": label, title: label, "aria-pressed": String(reply.rating === rating),
      onclick: async (event) => {
        try {
          await call("feedback", { method: "POST", json: { answer_id: reply.answer_id, rating } });
          for (const one of event.target.closest(".actions").querySelectorAll("[aria-pressed]")) one.setAttribute("aria-pressed", "false");
          event.target.closest("button").setAttribute("aria-pressed", "true");
          say("Thank you.");
        } catch (error) { problem(error); }
      },
    }, icon(name));
    return h("div", { className: "actions" },
      h("button", { type: "button", onclick: () => this.copy(reply) }, icon("copy"), "Copy"),
      h("button", { type: "button", onclick: () => this.ask(this.message) }, icon("again"), "Ask again"),
      rate("up", "up", "Good answer"), rate("down", "down", "Bad answer"),
      reply.model && reply.model !== "extractive" && h("span", { className: "model" }, reply.model));
  }

  async copy({ answer, citations }) {
    const sources = citations.map((one) => `[${one.id}] ${place(one)}: “${oneLine(one.quote)}”`);
    try {
      await navigator.clipboard.writeText([answer, ...(sources.length ? ["", "Sources", ...sources] : [])].join("\n"));
      toast("Copied with its sources.", { forMs: 2500 });
    } catch {
      toast("The browser did not allow copying.");
    }
  }

  related({ related_questions: questions }) {
    if (!questions?.length) return "";
    return h("div", { className: "related", "aria-label": "Related questions", role: "group" },
      questions.map((one) => h("button", { type: "button", onclick: () => this.ask(one) }, one)));
  }
}

/** Spans in code points, as the service counts, to spans in a string of the browser. */
function codePointSpans(text, spans) {
  if (!spans.length || !/[\ud800-\udbff]/.test(text)) return spans;
  const units = [0];
  for (const char of text) units.push(units.at(-1) + char.length);
  return spans.map(({ start, end }) => ({ start: units[start], end: units[end] }));
}
