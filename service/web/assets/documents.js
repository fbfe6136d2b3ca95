// The documents of a collection: adding files, watching them become ready, and what can be done with each.

import { address, call, headers, request, upload } from "./api.js";
import { $, h, iconButton, plural } from "./dom.js";
import { problem, say, toast } from "./notices.js";
import { openSource } from "./reader.js";
import { move, onMove, where } from "./state.js";

const FINAL = new Set(["ready", "partial", "failed"]);
const STAGES = { queued: "Waiting", parsing: "Reading", embedding: "Indexing", indexing: "Finishing" };
const PAGE = 50;
const WATCH_MS = 700;
const AT_ONCE = 3; // uploads
const ROWS_OF_UPLOADS = 8;

export const collection = () => where.collection || "default";

let collections = [];
let documents = new Map(); // those that are listed, by id, newest first
let cursor = null;
let search = "";
let gone = new Set(); // deleted, and may still be undone
let listing = null;
const uploads = []; // {file, share, state: "waiting" | "sending" | "failed", error, controller, collection}
const watched = new Map(); // documents that are not final, by id, of any collection

export const counts = () => ({ documents: collections.find((one) => one.name === collection())?.documents ?? 0 });
export const allCollections = () => collections;

export async function refreshCollections() {
  try {
    collections = (await call("collections")).collections;
  } catch (error) {
    if (error.code !== "offline") problem(error);
    return;
  }
  const { documents: count } = counts();
  $("document-count").textContent = count ? count.toLocaleString() : "";
  dispatchEvent(new Event("counted"));
}

// Adding

const uniqueKey = () => `${Date.now()}-${Math.random()}`;

export function addFiles(files, into = collection()) {
  const wanted = [...files].filter((file) => !/^(\.DS_Store|Thumbs\.db|desktop\.ini)$/.test(file.name));
  if (!wanted.length) return;
  const isBulk = wanted.length > 20;
  for (const file of wanted) uploads.push({ key: uniqueKey(), file, share: 0, state: "waiting", collection: into, isBulk });
  say(`Adding ${plural(wanted.length, "file")}`);
  drawUploads();
  sendNext();
}

function sendNext() {
  while (uploads.filter((one) => one.state === "sending").length < AT_ONCE) {
    const next = uploads.find((one) => one.state === "waiting");
    if (!next) return;
    send(next);
  }
}

async function send(one) {
  one.state = "sending";
  one.controller = new AbortController();
  try {
    const fields = [["collection", one.collection], ["priority", one.isBulk ? "bulk" : "normal"], ["file", one.file, one.file.name]];
    const { body, status } = await upload("documents", "POST", fields, (share) => { one.share = share; drawUploadsSoon(); }, one.controller.signal);
    uploads.splice(uploads.indexOf(one), 1);
    if (status === 200 && !uploads.length) toast(`${body.filename} was there already.`);
    accepted(body);
  } catch (error) {
    if (error.name === "AbortError") uploads.splice(uploads.indexOf(one), 1);
    else if (error.code === "queue_full") { one.state = "waiting"; drawUploads(); setTimeout(sendNext, 3000); return; }
    else if (error.code === "offline") {
      one.state = "failed";
      one.error = error;
      addEventListener("reconnected", () => retryUpload(one), { once: true });
    } else { one.state = "failed"; one.error = error; say(`${one.file.name}: ${error.detail}`); }
  }
  drawUploads();
  sendNext();
}

function retryUpload(one) {
  if (one.state !== "failed") return;
  Object.assign(one, { state: "waiting", share: 0, error: null });
  drawUploads();
  sendNext();
}

function accepted(document) {
  if (document.collection === collection() && !search) documents = new Map([[document.id, document], ...documents]);
  else if (documents.has(document.id)) documents.set(document.id, document);
  if (!FINAL.has(document.status)) watched.set(document.id, document);
  drawList();
  watch();
  countSoon();
}

let counting = null;
const countSoon = () => { counting ??= setTimeout(() => { counting = null; refreshCollections(); }, 300); };

// Watching

let watching = false;

async function watch() {
  if (watching) return;
  watching = true;
  while (watched.size) {
    if (document.visibilityState === "visible") await look();
    drawWorking();
    await new Promise((done) => setTimeout(done, WATCH_MS));
  }
  drawWorking();
  watching = false;
}

async function look() {
  const ids = [...watched.keys()].slice(0, 500);
  let found;
  try {
    found = (await call("documents/lookup", { method: "POST", json: { ids } })).documents;
  } catch { return; }
  const there = new Map(found.map((one) => [one.id, one]));
  for (const id of ids) {
    const now = there.get(id);
    if (!now || FINAL.has(now.status)) watched.delete(id);
    else watched.set(id, now);
    if (documents.has(id)) now ? documents.set(id, now) : documents.delete(id);
    if (now && FINAL.has(now.status)) {
      say(now.status === "failed" ? `${now.filename} failed: ${now.error.detail}` : `${now.filename} is ready`);
      if (now.status === "failed" && where.view !== "documents") {
        toast(`${now.filename}: ${now.error.detail}`, { action: "Show", onAction: () => move({ view: "documents" }), forMs: 9000 });
      }
      countSoon();
    }
  }
  drawList();
}

/** Above the question: that something is still being read. */
function drawWorking() {
  const here = [...watched.values()].filter((one) => one.collection === collection());
  $("working").hidden = !here.length;
  if (!here.length) return;
  const [first] = here;
  const text = here.length === 1 ? `${STAGES[first.status] ?? ""} ${first.filename}` : `Reading ${plural(here.length, "document")}`;
  if ($("working").dataset.text !== text || !$("working").childElementCount) {
    $("working").dataset.text = text;
    $("working").replaceChildren(track(first), h("span", {}, text));
  } else $("working").firstElementChild.replaceWith(track(first));
}

function track({ status, progress }) {
  const share = progress?.total ? progress.done / progress.total : 0;
  const bar = h("i");
  bar.style.width = `${Math.round(100 * share)}%`;
  return h("div", {
    className: share && status !== "queued" ? "track" : "track busy", role: "progressbar",
    "aria-label": STAGES[status] ?? "Uploading", "aria-valuenow": share ? Math.round(100 * share) : null, "aria-valuemin": 0, "aria-valuemax": 100,
  }, bar);
}

// The list

async function list({ more = false } = {}) {
  listing?.abort();
  listing = new AbortController();
  const wanted = { collection: collection(), filename: search, limit: PAGE, cursor: more ? cursor : null };
  try {
    const found = await call(address("documents", wanted), { signal: listing.signal });
    if (!more) documents = new Map();
    for (const one of found.documents) {
      documents.set(one.id, one);
      if (!FINAL.has(one.status)) watched.set(one.id, one);
    }
    cursor = found.next_cursor;
    $("more").hidden = !cursor;
    drawList();
    watch();
  } catch (error) {
    if (error.name !== "AbortError" && error.code !== "collection_not_found") problem(error);
  }
}

let uploadsFrame = null;
const drawUploadsSoon = () => { uploadsFrame ??= requestAnimationFrame(() => { uploadsFrame = null; drawUploads(); }); };

function drawUploads() {
  const rows = uploads.slice(0, ROWS_OF_UPLOADS).map((one) => h("div", { className: one.state === "failed" ? "document failed" : "document" },
    h("span", { className: "kind", "aria-hidden": "true" }, extension(one.file.name)),
    h("div", {},
      h("div", { className: "name" }, one.file.name),
      one.state === "failed"
        ? h("div", { className: "state", role: "alert" }, h("span", { className: "problem" }, one.error.detail), " ", h("span", { className: "advice" }, one.error.hint))
        : [h("div", { className: "state" }, one.state === "waiting" ? "Waiting to be sent" : one.share >= 1 ? "Being stored" : `Uploading, ${Math.round(100 * one.share)} %`),
          track({ status: "sending", progress: { done: one.share, total: 1 } })]),
    h("div", { className: "buttons" },
      one.state === "failed" && iconButton("again", `Try ${one.file.name} again`, () => retryUpload(one)),
      iconButton("bin", `Take ${one.file.name} away`, () => {
        one.controller?.abort();
        if (one.state !== "sending") uploads.splice(uploads.indexOf(one), 1);
        drawUploads();
      }))));
  if (uploads.length > ROWS_OF_UPLOADS) rows.push(h("p", { className: "empty" }, `and ${plural(uploads.length - ROWS_OF_UPLOADS, "more file")}`));
  $("uploads").replaceChildren(...rows);
  $("uploads").hidden = !rows.length;
}

const extension = (name) => name.match(/\.([A-Za-z0-9]{1,5})$/)?.[1] ?? "file";

function drawList() {
  const list = $("document-list");
  const rows = [...documents.values()].filter((one) => !gone.has(one.id));
  const old = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const now = rows.map((one) => {
    const said = JSON.stringify([one.version, one.status, one.progress, one.waiting, one.error, one.filename]);
    const row = old.get(one.id);
    if (row?.dataset.said === said) return row;
    const fresh = drawRow(one);
    fresh.dataset.id = one.id;
    fresh.dataset.said = said;
    const focused = row?.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
    if (focused) queueMicrotask(() => [...fresh.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === focused)?.focus());
    return fresh;
  });
  if (now.length !== list.children.length || now.some((row, n) => list.children[n] !== row)) list.replaceChildren(...now);
  if (!now.length) {
    list.replaceChildren(h("li", { className: "empty" }, search ? `No file name here has “${search}”.` : "No documents here yet."));
  }
  $("drop").hidden = rows.length > 3;
}

function drawRow(one) {
  const isFinal = FINAL.has(one.status);
  const hasFailed = one.status === "failed";
  return h("li", { className: hasFailed ? "document failed" : "document" },
    h("span", { className: "kind", "aria-hidden": "true" }, extension(one.filename)),
    h("div", {},
      one.status === "ready" || one.status === "partial"
        ? h("button", { type: "button", className: "name", onclick: () => openSource({ document_id: one.id }) }, one.filename)
        : h("div", { className: "name" }, one.filename),
      h("div", { className: "state" }, stateOf(one)),
      !isFinal && track(one)),
    h("div", { className: "buttons" },
      !isFinal && iconButton("stop", `Stop reading ${one.filename}`, () => act(one, "cancel")),
      hasFailed && iconButton("again", `Read ${one.filename} again`, () => act(one, "retry")),
      isFinal && !one.parent_id && iconButton("replace", `Replace ${one.filename}`, () => replace(one)),
      iconButton("bin", `Delete ${one.filename}`, () => remove(one))));
}

function stateOf(one) {
  if (one.status === "failed") return [h("span", { className: "problem" }, one.error.detail), " ", h("span", { className: "advice" }, one.error.hint)];
  if (one.status === "ready") return `${plural(one.pages ?? 0, "page")}, added ${new Date(one.created_at).toLocaleDateString(undefined, { dateStyle: "medium" })}`;
  if (one.status === "partial") return `${plural(one.pages ?? 0, "page")}, of which ${one.coverage?.pages_with_text ?? "some"} could be read`;
  if (one.waiting) return `Waiting: ${one.waiting.detail}`;
  const { done, total, eta_s: etaS } = one.progress ?? {};
  const unit = one.status === "parsing" ? "page" : "passage";
  const part = total ? ` ${done.toLocaleString()} of ${plural(total, unit)}` : "";
  return `${STAGES[one.status] ?? one.status}${part}${etaS > 5 ? `, about ${etaS < 90 ? `${etaS} seconds` : `${Math.round(etaS / 60)} minutes`} left` : ""}`;
}

async function act(one, what) {
  try {
    accepted(await call(`documents/${one.id}/${what}`, { method: "POST" }));
  } catch (error) { problem(error); }
}

function replace(one) {
  const chosen = $("replacement");
  chosen.value = "";
  chosen.onchange = async () => {
    const [file] = chosen.files;
    if (!file) return;
    try {
      const { body, status } = await upload(`documents/${one.id}`, "PUT", [["file", file, file.name]], () => {});
      toast(status === 200 ? "It has these bytes already." : `${file.name} takes the place of ${one.filename} once it is read.`);
      documents.set(body.id, body);
      accepted(body);
    } catch (error) { problem(error); }
  };
  chosen.click();
}

const dying = new Map(); // ids to how they are deleted now

/** Hidden at once and deleted a moment later, so that it can be undone. */
function remove(one) {
  gone.add(one.id);
  drawList();
  const finish = async ({ keepalive = false } = {}) => {
    if (!dying.delete(one.id)) return;
    clearTimeout(timer);
    try {
      if (keepalive) fetch(`documents/${one.id}`, { method: "DELETE", keepalive: true, headers: headers() });
      else await request(`documents/${one.id}`, { method: "DELETE" });
      documents.delete(one.id);
      if (where.document === one.id) move({ document: null, page: null, start: null, end: null });
      countSoon();
    } catch (error) {
      if (error.status !== 404) problem(error);
    }
    gone.delete(one.id);
    drawList();
  };
  const timer = setTimeout(finish, 6000);
  dying.set(one.id, finish);
  toast(`${one.filename} is deleted.`, {
    action: "Undo",
    onAction: () => {
      clearTimeout(timer);
      dying.delete(one.id);
      gone.delete(one.id);
      drawList();
      say(`${one.filename} is back`);
    },
  });
}

addEventListener("pagehide", () => { for (const finish of dying.values()) finish({ keepalive: true }); });

// Dropping and choosing

/** Every file below what was dropped. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [];
  const walk = async (entry) => {
    if (entry.isFile) found.push(await new Promise((done, failed) => entry.file(done, failed)));
    else {
      const reader = entry.createReader();
      for (let part; (part = await new Promise((done, failed) => reader.readEntries(done, failed))).length;) {
        for (const inner of part) await walk(inner);
      }
    }
  };
  for (const entry of entries) await walk(entry);
  return found;
}

export const chooseFiles = () => $("files").click();

export function startDocuments() {
  $("add-files").onclick = chooseFiles;
  $("choose-folder").onclick = () => $("folder").click();
  for (const id of ["files", "folder"]) {
    $(id).onchange = () => { addFiles($(id).files); $(id).value = ""; };
  }
  $("more").onclick = () => list({ more: true });
  let typing = null;
  $("search").oninput = () => {
    clearTimeout(typing);
    typing = setTimeout(() => { search = $("search").value.trim(); list(); }, 200);
  };
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth += 1;
    $("dropping").querySelector("strong").textContent = collection();
    $("dropping").hidden = false;
  });
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (!depth) $("dropping").hidden = true; });
  addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    $("dropping").hidden = true;
    try { addFiles(await filesOf(event.dataTransfer)); } catch (error) { problem({ detail: `What was dropped cannot be read: ${error.message}` }); }
  });
  onMove((now, before) => {
    if ((now.collection || "default") !== (before.collection || "default")) {
      search = $("search").value = "";
      documents = new Map();
      list();
      refreshCollections();
    }
  });
  for (const event of ["reconnected", "back"]) addEventListener(event, () => { list(); refreshCollections(); });
  list();
  refreshCollections();
}
