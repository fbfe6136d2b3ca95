// The documents of a collection: adding files, watching them become ready, and what can be done with each.

import { address, call, headers, request, upload } from "./api.js";
import { $, arrange, h, iconButton, plural } from "./dom.js";
import { problem, say, toast } from "./notices.js";
import { openSource } from "./reader.js";
import { move, onMove, where } from "./state.js";

const FINAL = new Set(["ready", "partial", "failed"]);
const STAGES = { queued: "Waiting", parsing: "Reading", embedding: "Indexing", indexing: "Finishing" };
const PAGE = 50;
const WATCH_MS = 700;
const AT_ONCE = 3; // uploads
const ROWS_OF_UPLOADS = 8;
const RETRIES = 2; // of an upload whose connection broke, before somebody has to say so

export const collection = () => where.collection || "default";

let collections = [];
let documents = new Map(); // those that are listed, by id, in their order
let cursor = null;
let search = "";
const gone = new Set(); // deleted, and may still be undone
let listing = null;
const uploads = []; // {key, file, share, state: "waiting" | "sending" | "failed", error, tries, controller, collection}
let pausedUntilMs = 0; // the service asked to wait
const watched = new Map(); // documents that are not final, by id, of any collection

export const counts = () => ({ documents: collections.find((one) => one.name === collection())?.documents ?? 0 });
export const allCollections = () => collections;

export async function refreshCollections() {
  try {
    collections = (await call("collections")).collections;
  } catch (error) {
    problem(error);
    return;
  }
  drawCount();
  dispatchEvent(new Event("counted"));
}

function drawCount() {
  const { documents: count } = counts();
  $("document-count").textContent = count ? count.toLocaleString() : "";
}

// Adding

let uploadNumber = 0;

export function addFiles(files, into = collection()) {
  const wanted = [...files].filter((file) => !/^(\.DS_Store|Thumbs\.db|desktop\.ini)$/.test(file.name));
  if (!wanted.length) return;
  const isBulk = wanted.length > 20;
  for (const file of wanted) {
    uploads.push({ key: String(uploadNumber += 1), file, share: 0, state: "waiting", tries: 0, collection: into, isBulk });
  }
  say(`Adding ${plural(wanted.length, "file")}`);
  drawUploads();
  sendNext();
}

function sendNext() {
  const waitMs = pausedUntilMs - Date.now();
  if (waitMs > 0) {
    setTimeout(sendNext, waitMs + 50);
    return;
  }
  while (uploads.filter((one) => one.state === "sending").length < AT_ONCE) {
    const next = uploads.find((one) => one.state === "waiting");
    if (!next) return;
    send(next);
  }
}

function drop(one) {
  const at = uploads.indexOf(one);
  if (at >= 0) uploads.splice(at, 1);
}

async function send(one) {
  one.state = "sending";
  one.share = 0;
  one.controller = new AbortController();
  try {
    const fields = [["collection", one.collection], ["priority", one.isBulk ? "bulk" : "normal"], ["file", one.file, one.file.name]];
    const { body, status } = await upload("documents", "POST", fields, (share) => { one.share = share; drawUploadsSoon(); }, one.controller.signal);
    drop(one);
    if (status === 200 && !uploads.length) toast(`${body.filename} was there already.`);
    accepted(body);
  } catch (error) {
    if (error.name === "AbortError") drop(one);
    else if (error.retryAfterS != null) {
      one.state = "waiting";
      pausedUntilMs = Date.now() + 1000 * error.retryAfterS;
    } else await failed(one, error);
  }
  drawUploads();
  sendNext();
}

async function failed(one, error) {
  one.state = "failed";
  one.error = error;
  if (error.code !== "offline") { say(`${one.file.name}: ${error.detail}`); return; }
  const isReadable = await one.file.slice(0, 1).arrayBuffer().then(() => true, () => false);
  if (!isReadable) {
    one.error = { detail: "The file cannot be read any more.", hint: "It was changed or moved since it was chosen: choose it again." };
  } else if (one.tries < RETRIES) {
    one.tries += 1;
    const isThere = await fetch("healthz", { cache: "no-store" }).then((response) => response.ok, () => false);
    if (isThere) setTimeout(() => retryUpload(one), 2000 * one.tries);
    else addEventListener("reconnected", () => retryUpload(one), { once: true });
  }
}

function retryUpload(one) {
  if (one.state !== "failed" || !uploads.includes(one)) return;
  Object.assign(one, { state: "waiting", share: 0, error: null });
  drawUploads();
  sendNext();
}

function accepted(document) {
  if (documents.has(document.id)) documents.set(document.id, document);
  else if (document.collection === collection() && !search) documents = new Map([[document.id, document], ...documents]);
  if (!FINAL.has(document.status)) watched.set(document.id, document);
  drawList();
  watch();
  countSoon();
}

let counting = null;
const countSoon = () => { counting ??= setTimeout(() => { counting = null; refreshCollections(); }, 300); };

addEventListener("beforeunload", (event) => {
  if (uploads.some((one) => one.state !== "failed")) event.preventDefault();
});

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
    watched.delete(id);
    // At the end of the line: where there are more than fit, all of them are looked at in turn.
    if (now && !FINAL.has(now.status)) watched.set(id, now);
    if (documents.has(id)) now ? documents.set(id, now) : documents.delete(id);
    if (now && FINAL.has(now.status)) ended(now);
  }
  drawList();
}

function ended(one) {
  say(one.status === "failed" ? `${one.filename} failed: ${one.error.detail}` : `${one.filename} is ready`);
  if (one.status === "failed" && where.view !== "documents") {
    toast(`${one.filename}: ${one.error.detail}`, { action: "Show", onAction: () => move({ view: "documents" }), forMs: 9000 });
  }
  countSoon();
}

/** Above the question: that something is still being read. */
function drawWorking() {
  const here = [...watched.values()].filter((one) => one.collection === collection());
  $("working").hidden = !here.length;
  if (!here.length) return;
  const [first] = here;
  const text = here.length === 1 ? `${STAGES[first.status] ?? ""} ${first.filename}` : `Reading ${plural(here.length, "document")}`;
  $("working").replaceChildren(track(first), h("span", {}, text));
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
  // What was shown by "Show more" stays: as much is asked for again.
  const limit = more ? PAGE : Math.min(500, Math.max(PAGE, documents.size));
  const wanted = { collection: collection(), filename: search, limit, cursor: more ? cursor : null };
  try {
    const found = await call(address("documents", wanted), { signal: listing.signal });
    if (!more) documents = new Map();
    for (const one of found.documents) {
      documents.set(one.id, one);
      if (!FINAL.has(one.status)) watched.set(one.id, one);
    }
    cursor = found.next_cursor;
    $("more").hidden = !cursor;
    $("document-list").removeAttribute("aria-busy");
    drawList();
    watch();
  } catch (error) {
    if (error.name !== "AbortError" && error.code !== "collection_not_found") problem(error);
  }
}

let uploadsFrame = null;
const drawUploadsSoon = () => { uploadsFrame ??= requestAnimationFrame(() => { uploadsFrame = null; drawUploads(); }); };
const uploadRows = new Map();

function drawUploads() {
  const rows = uploads.slice(0, ROWS_OF_UPLOADS).map((one) => {
    if (!uploadRows.has(one.key)) uploadRows.set(one.key, uploadRow(one));
    const row = uploadRows.get(one.key);
    row.update();
    return row.element;
  });
  for (const key of uploadRows.keys()) if (!uploads.some((one) => one.key === key)) uploadRows.delete(key);
  arrange($("uploads"), rows);
  if (uploads.length > ROWS_OF_UPLOADS) $("uploads").append(h("p", { className: "empty" }, `and ${plural(uploads.length - ROWS_OF_UPLOADS, "more file")}`));
  $("uploads").hidden = !rows.length;
}

function uploadRow(one) {
  const state = h("div", { className: "state" });
  const bar = h("div");
  const again = iconButton("again", `Try ${one.file.name} again`, () => { one.tries = 0; retryUpload(one); });
  const element = h("div", { className: "document" },
    h("span", { className: "kind", "aria-hidden": "true" }, extension(one.file.name)),
    h("div", {}, h("div", { className: "name" }, one.file.name), state, bar),
    h("div", { className: "buttons" }, again, iconButton("bin", `Take ${one.file.name} away`, () => {
      one.controller?.abort();
      if (one.state !== "sending") drop(one);
      drawUploads();
      sendNext();
    })));
  const update = () => {
    const hasFailed = one.state === "failed";
    element.classList.toggle("failed", hasFailed);
    again.hidden = !hasFailed;
    bar.hidden = hasFailed;
    if (hasFailed) state.replaceChildren(h("span", { className: "problem" }, one.error.detail), " ", h("span", { className: "advice" }, one.error.hint));
    else {
      state.textContent = one.state === "waiting" ? "Waiting to be sent" : one.share >= 1 ? "Being stored" : `Uploading, ${Math.round(100 * one.share)} %`;
      bar.replaceChildren(track({ status: "sending", progress: { done: one.share, total: 1 } }));
    }
  };
  return { element, update };
}

const extension = (name) => name.match(/\.([A-Za-z0-9]{1,5})$/)?.[1] ?? "file";

function drawList() {
  const list = $("document-list");
  const shown = [...documents.values()].filter((one) => !gone.has(one.id));
  const old = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const rows = shown.map((one) => {
    const said = JSON.stringify([one.version, one.status, one.progress, one.waiting, one.error, one.filename]);
    const row = old.get(one.id);
    if (row?.dataset.said === said) return row;
    const fresh = drawRow(one);
    fresh.dataset.id = one.id;
    fresh.dataset.said = said;
    const focused = row?.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
    row?.replaceWith(fresh);
    if (focused) [...fresh.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === focused)?.focus();
    return fresh;
  });
  const isBusy = list.getAttribute("aria-busy") === "true";
  const nothing = isBusy ? "…" : search ? `No file name here has “${search}”.` : "No documents here yet.";
  arrange(list, rows.length ? rows : [h("li", { className: "empty" }, nothing)]);
  $("drop").hidden = shown.length > 3;
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
      iconButton("bin", `Delete ${one.filename}`, (event) => remove(one, event))));
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
      accepted(body);
    } catch (error) { problem(error); }
  };
  chosen.click();
}

const dying = new Map(); // ids of documents to how they are deleted now

/** Hidden at once and deleted a moment later, so that it can be undone. */
function remove(one, event) {
  gone.add(one.id);
  drawList();
  const finish = async ({ keepalive = false } = {}) => {
    if (!dying.delete(one.id)) return;
    if (keepalive) {
      fetch(`documents/${one.id}`, { method: "DELETE", keepalive: true, headers: headers() });
      return;
    }
    try {
      await request(`documents/${one.id}`, { method: "DELETE" });
      documents.delete(one.id);
    } catch (error) {
      if (error.status === 404) documents.delete(one.id);
      else problem(error);
    }
    gone.delete(one.id);
    if (where.document === one.id) move({ document: null, page: null, start: null, end: null });
    list(); // what was attached to it is gone, too
    countSoon();
  };
  dying.set(one.id, finish);
  toast(`${one.filename} is deleted.`, {
    action: "Undo",
    onAction: () => {
      dying.delete(one.id);
      gone.delete(one.id);
      drawList();
      say(`${one.filename} is back`);
    },
    onEnd: finish,
    focus: event.detail === 0, // by the keyboard, whose place is gone
  });
}

addEventListener("pagehide", () => { for (const finish of [...dying.values()]) finish({ keepalive: true }); });

// Dropping and choosing

/** Every file below what was dropped; what cannot be read is left out, and said. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [], unread = [];
  const walk = async (entry) => {
    try {
      if (entry.isFile) {
        found.push(await new Promise((done, failed) => entry.file(done, failed)));
        return;
      }
      const reader = entry.createReader();
      for (let part; (part = await new Promise((done, failed) => reader.readEntries(done, failed))).length;) {
        for (const inner of part) await walk(inner);
      }
    } catch { unread.push(entry.name); }
  };
  for (const entry of entries) await walk(entry);
  if (unread.length) problem({ detail: `Some of it cannot be read: ${unread.slice(0, 3).join(", ")}.` });
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
    typing = setTimeout(() => { search = $("search").value.trim(); documents = new Map(); list(); }, 200);
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
  addEventListener("dragleave", (event) => {
    depth = event.relatedTarget === null ? 0 : Math.max(0, depth - 1);
    if (!depth) $("dropping").hidden = true;
  });
  addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    $("dropping").hidden = true;
    const into = collection(); // reading a folder takes a while
    addFiles(await filesOf(event.dataTransfer), into);
  });
  onMove((now, before) => {
    if ((now.collection || "default") === (before.collection || "default")) return;
    search = $("search").value = "";
    documents = new Map();
    cursor = null;
    $("more").hidden = true;
    $("document-list").setAttribute("aria-busy", "true");
    drawList();
    drawCount();
    drawWorking();
    list();
    refreshCollections();
  });
  for (const event of ["reconnected", "back"]) addEventListener(event, () => { list(); refreshCollections(); });
  list();
  refreshCollections();
}
