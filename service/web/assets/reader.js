// The source beside the answer: the page as it looks, with the passage marked, or its text.

import { address, call, headers, request } from "./api.js";
import { $, h } from "./dom.js";
import { problem, say } from "./notices.js";
import { move, onMove, where } from "./state.js";

let shown = null; // what is there: {document, page, start, end, asText}
let info = null; // the document
let asText = false;
let isLarge = false;
let picture = null; // the address of the image
let boxes = []; // where the passage is on it: [left, top, right, bottom] in [0, 1]
let loading = null;
let cameFrom = null;

/** Open a citation, a hit, or a document at its first page. */
export function openSource({ document_id: id, page = 1, start_char: start = null, end_char: end = null }) {
  cameFrom = document.activeElement;
  move({ document: id, page, start, end });
}

function close() {
  move({ document: null, page: null, start: null, end: null });
  (cameFrom?.isConnected ? cameFrom : $("question")).focus();
}

const current = () => Number(where.page) || 1;

function turn(page) {
  if (info && Number.isInteger(page) && page >= 1 && page <= (info.pages ?? 1)) {
    // The mark stays with its page, so that leafing back finds it again.
    move({ page }, { replace: true });
  }
  $("reader-page").value = current();
}

function clearPicture() {
  if (picture) URL.revokeObjectURL(picture);
  picture = null;
}

async function load() {
  loading?.abort();
  loading = new AbortController();
  const { signal } = loading;
  const view = $("reader-view");
  const page = current();
  shown = { document: where.document, page: where.page, start: where.start, end: where.end };
  view.setAttribute("aria-busy", "true");
  try {
    if (info?.id !== where.document) {
      info = null;
      $("reader-title").textContent = "…";
      info = await call(`documents/${encodeURIComponent(where.document)}`, { signal });
    }
    $("reader-title").textContent = info.filename;
    $("reader-title").title = info.filename;
    $("reader-original").href = `documents/${encodeURIComponent(info.id)}/content`;
    $("reader-page").value = page;
    $("reader-of").textContent = `of ${info.pages ?? "?"}`;
    $("reader-before").disabled = page <= 1;
    $("reader-after").disabled = page >= (info.pages ?? 1);
    const isDrawn = info.media_type === "application/pdf" || info.media_type.startsWith("image/");
    $("reader-kind").hidden = !isDrawn;
    $("reader-zoom").hidden = !isDrawn || asText;
    $("reader-kind").setAttribute("aria-pressed", String(asText));
    const span = { start: where.start, end: where.end };
    // Whoever leafs fast wants the last page, and drawing each takes the service a moment.
    await new Promise((done) => setTimeout(done, isDrawn && !asText && picture ? 120 : 0));
    signal.throwIfAborted();
    if (isDrawn && !asText) await showPicture(page, span, signal);
    else await showText(page, span, signal);
    say(`${info.filename}, page ${page}`);
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = null; // the same place again is another try
    clearPicture();
    view.replaceChildren(h("div", { className: "empty" }, h("p", { className: "problem" }, error.detail ?? String(error)), h("p", {}, error.hint)));
  } finally {
    if (!signal.aborted) view.removeAttribute("aria-busy");
  }
}

async function showPicture(page, span, signal) {
  const path = address(`documents/${encodeURIComponent(info.id)}/pages/${page}.png`, span);
  const response = await request(path, { signal });
  const bytes = await response.blob();
  signal.throwIfAborted();
  clearPicture();
  picture = URL.createObjectURL(bytes);
  const image = h("img", { src: picture, alt: `Page ${page} of ${info.filename}` });
  await image.decode().catch(() => {});
  signal.throwIfAborted();
  boxes = (response.headers.get("X-Highlight") ?? "").split(", ").filter(Boolean).map((box) => box.split(" ").map(Number));
  image.dataset.boxes = boxes.length;
  $("reader-view").replaceChildren(image);
  toMark();
  if (!boxes.length && span.start != null) await quoteAbove(page, span, signal);
}

/** Scroll the picture so that the passage is in sight, or the page's head. */
function toMark() {
  const view = $("reader-view"), image = view.querySelector("img");
  if (!image) return;
  const top = boxes[0]?.[1] ?? 0;
  const left = boxes.length ? Math.min(...boxes.map((box) => box[0])) : 0;
  view.scrollTop = boxes.length ? Math.max(0, image.offsetTop + top * image.clientHeight - view.clientHeight / 3) : 0;
  view.scrollLeft = Math.max(0, left * image.clientWidth - 24);
}

/** Where the picture cannot have the mark (a scan), the words stand above it. */
async function quoteAbove(page, span, signal) {
  const { text, start_char: first } = await call(`documents/${encodeURIComponent(info.id)}/pages/${page}`, { signal });
  const quote = [...text].slice(Math.max(0, span.start - first), Math.max(0, span.end - first)).join("");
  if (quote) $("reader-view").prepend(h("p", { className: "text quoted" }, h("mark", {}, quote)));
}

async function showText(page, span, signal) {
  const { text, start_char: first } = await call(`documents/${encodeURIComponent(info.id)}/pages/${page}`, { signal });
  // Offsets count characters, and a string of the browser counts half of some.
  const characters = [...text];
  const part = (from, to) => characters.slice(Math.max(0, from), Math.max(0, to)).join("");
  const has = span.start != null && span.end > first && span.start < first + characters.length;
  const mark = has && h("mark", {}, part(span.start - first, span.end - first));
  const shownText = has
    ? [part(0, span.start - first), mark, part(span.end - first, characters.length)]
    : [text || "This page has no text."];
  clearPicture();
  $("reader-view").replaceChildren(h("div", { className: "text" }, shownText));
  $("reader-view").scrollTop = 0;
  if (mark) mark.scrollIntoView({ block: "center" });
}

// Where the source lies over the page, the keys stay within it.
const narrow = matchMedia("(max-width: 860px)");
const coverMain = () => { $("main").inert = narrow.matches && Boolean(where.document); };

export function startReader() {
  narrow.addEventListener("change", coverMain);
  $("reader-close").onclick = close;
  $("reader-before").onclick = () => turn(current() - 1);
  $("reader-after").onclick = () => turn(current() + 1);
  $("reader-page").onchange = () => turn(Number($("reader-page").value));
  $("reader-kind").onclick = () => { asText = !asText; load(); };
  $("reader-zoom").onclick = () => {
    isLarge = !isLarge;
    $("reader-zoom").setAttribute("aria-pressed", String(isLarge));
    $("reader-view").classList.toggle("large", isLarge);
    toMark();
  };
  $("reader-original").onclick = async (event) => {
    if (!headers().Authorization) return; // a plain link does
    event.preventDefault();
    try {
      const response = await request($("reader-original").getAttribute("href"));
      const link = h("a", { href: URL.createObjectURL(await response.blob()), download: info.filename });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) { problem(error); }
  };
  $("reader").addEventListener("keydown", (event) => {
    if (event.target.id === "reader-page" || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // What is larger than its frame scrolls by the arrows.
    if (isLarge && !asText && event.target === $("reader-view")) return;
    if (event.key === "ArrowRight") turn(current() + 1);
    else if (event.key === "ArrowLeft") turn(current() - 1);
    else return;
    event.preventDefault();
  });
  const follow = (now, before) => {
    const isOpen = Boolean(now.document);
    $("reader").hidden = !isOpen;
    $("app").classList.toggle("reading", isOpen);
    coverMain();
    if (!isOpen) {
      shown = info = null;
      loading?.abort();
      clearPicture();
      $("reader-view").replaceChildren();
      return;
    }
    const isSame = shown && ["document", "page", "start", "end"].every((name) => String(shown[name]) === String(now[name]));
    if (!isSame) load();
    if (!before?.document) $("reader-title").focus();
  };
  onMove(follow);
  addEventListener("reconnected", () => { if (where.document) load(); });
  if (where.document) follow(where, where);
}

export const closeReader = () => {
  if (!where.document) return false;
  close();
  return true;
};
