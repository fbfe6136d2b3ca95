// Collections and conversations, and the way between views.

import { address, call, headers } from "./api.js";
import { $, arrange, h, iconButton } from "./dom.js";
import { allCollections, collection, refreshCollections } from "./documents.js";
import { problem, say, toast } from "./notices.js";
import { move, onMove, where } from "./state.js";

const PAGE = 30;
const MOST = 200; // that the service lists at once

let conversations = [];
let cursor = null;
let asked = 0; // the number of the request that counts
const gone = new Map(); // deleted, and may still be undone: ids to how they are deleted now

const NOWHERE = { conversation: null, answer: null, document: null, page: null, start: null, end: null };

/** Rows of `list` for these {id, said, isCurrent, draw}; those that say the same stay as they are. */
function draw(list, wanted) {
  const old = new Map([...list.children].map((row) => [row.dataset.id, row]));
  arrange(list, wanted.map(({ id, said, isCurrent, draw: drawn }) => {
    let row = old.get(id);
    if (row?.dataset.said !== said) {
      const hadFocus = row?.contains(document.activeElement);
      const fresh = drawn();
      Object.assign(fresh.dataset, { id, said });
      row?.replaceWith(fresh);
      row = fresh;
      if (hadFocus) row.querySelector("button")?.focus();
    }
    const button = row.querySelector("button");
    if (isCurrent) button?.setAttribute("aria-current", "true");
    else button?.removeAttribute("aria-current");
    return row;
  }));
}

function drawCollections() {
  const all = allCollections();
  const names = all.map((one) => one.name);
  const listed = names.includes(collection()) ? all : [{ name: collection(), documents: 0 }, ...all];
  draw($("collections"), listed.map(({ name, documents }) => ({
    id: name,
    said: String(documents),
    isCurrent: name === collection(),
    draw: () => h("li", {}, h("button", { type: "button", onclick: () => choose(name) },
      h("span", {}, name), h("span", { className: "count" }, documents ? documents.toLocaleString() : ""))),
  })));
  $("collection-title").textContent = listed.length > 1 ? collection() : "";
}

function choose(name) {
  move({ ...NOWHERE, collection: name === "default" ? null : name });
  closeSidebar();
}

async function makeCollection(event) {
  event.preventDefault();
  const name = $("collection-name").value.trim();
  if (!name) return;
  try {
    await call("collections", { method: "POST", json: { name } });
  } catch (error) {
    if (error.code !== "collection_exists") { problem(error); return; }
  }
  $("collection-name").value = "";
  await refreshCollections();
  choose(name);
  say(`Collection ${name}`);
}

export async function refreshConversations({ more = false } = {}) {
  const number = asked += 1;
  // What was shown by "Show more" stays: as much is asked for again.
  const limit = more ? PAGE : Math.min(MOST, Math.max(PAGE, conversations.length));
  try {
    const found = await call(address("conversations", { collection: collection(), limit, cursor: more ? cursor : null }));
    if (number !== asked) return;
    conversations = more ? [...conversations, ...found.conversations] : found.conversations;
    cursor = found.next_cursor;
    drawConversations();
  } catch (error) {
    if (number === asked) problem(error);
  }
}

function drawConversations() {
  const rows = conversations.filter((one) => !gone.has(one.id)).map((one) => ({
    id: one.id,
    said: one.title,
    isCurrent: one.id === where.conversation,
    draw: () => h("li", {},
      h("button", { type: "button", title: one.title, onclick: () => { move({ ...NOWHERE, conversation: one.id, view: null }); closeSidebar(); } },
        h("span", {}, one.title)),
      iconButton("pen", `Rename “${one.title}”`, () => rename(one)),
      iconButton("bin", `Delete “${one.title}”`, (event) => remove(one, event))),
  }));
  if (!rows.length) rows.push({ id: "", said: "none", draw: () => h("li", { className: "none" }, "None yet") });
  if (cursor) {
    rows.push({ id: "more", said: "", draw: () => h("li", {}, h("button", { type: "button", onclick: () => refreshConversations({ more: true }) }, h("span", {}, "Show more"))) });
  }
  draw($("conversations"), rows);
}

function rename(one) {
  const dialog = $("rename");
  $("new-title").value = one.title;
  $("rename-cancel").onclick = () => dialog.close("cancel");
  dialog.onclose = async () => {
    const title = $("new-title").value.trim();
    if (dialog.returnValue !== "ok" || !title || title === one.title) return;
    try {
      await call(`conversations/${one.id}`, { method: "PATCH", json: { title } });
      refreshConversations();
    } catch (error) { problem(error); }
  };
  dialog.returnValue = "";
  dialog.showModal();
  $("new-title").select();
}

/** Hidden at once and deleted a moment later, so that it can be undone. */
function remove(one, event) {
  const finish = async ({ keepalive = false } = {}) => {
    if (!gone.has(one.id)) return;
    if (keepalive) {
      fetch(`conversations/${one.id}`, { method: "DELETE", keepalive: true, headers: headers() });
      return;
    }
    try {
      await call(`conversations/${one.id}`, { method: "DELETE" });
    } catch (error) { if (error.status !== 404) problem(error); }
    gone.delete(one.id);
    refreshConversations();
  };
  gone.set(one.id, finish);
  if (where.conversation === one.id) move({ ...NOWHERE });
  drawConversations();
  toast("The conversation is deleted.", {
    action: "Undo",
    onAction: () => { gone.delete(one.id); drawConversations(); },
    onEnd: finish,
    focus: event.detail === 0, // by the keyboard, whose place is gone
  });
}

addEventListener("pagehide", () => { for (const finish of [...gone.values()]) finish({ keepalive: true }); });

function openSidebar() {
  $("sidebar").classList.add("open");
  $("open-sidebar").setAttribute("aria-expanded", "true");
  $("main").inert = true;
  $("close-sidebar").focus();
}

export function closeSidebar() {
  if (!$("sidebar").classList.contains("open")) return false;
  $("sidebar").classList.remove("open");
  $("open-sidebar").setAttribute("aria-expanded", "false");
  $("main").inert = false; // the menu opens from there, so nothing else lay over it
  $("open-sidebar").focus();
  return true;
}

function showView() {
  const isDocuments = where.view === "documents";
  for (const [name, isShown] of [["ask", !isDocuments], ["documents", isDocuments]]) {
    $(name).hidden = !isShown;
    $(`tab-${name}`).setAttribute("aria-selected", String(isShown));
    $(`tab-${name}`).tabIndex = isShown ? 0 : -1;
  }
}

export function startSidebar() {
  $("add-collection").onsubmit = makeCollection;
  $("open-sidebar").onclick = openSidebar;
  $("close-sidebar").onclick = closeSidebar;
  addEventListener("pointerdown", (event) => { if (!$("sidebar").contains(event.target)) closeSidebar(); });
  $("tab-ask").onclick = () => move({ view: null });
  $("tab-documents").onclick = () => move({ view: "documents" });
  for (const [name, other, view] of [["tab-ask", "tab-documents", "documents"], ["tab-documents", "tab-ask", null]]) {
    $(name).onkeydown = (event) => {
      if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
      move({ view });
      $(other).focus();
    };
  }
  addEventListener("counted", drawCollections);
  for (const event of ["reconnected", "back"]) addEventListener(event, () => refreshConversations());
  onMove((now, before) => {
    showView();
    drawCollections();
    if ((now.collection || "default") !== (before.collection || "default")) {
      conversations = [];
      cursor = null;
      refreshConversations();
    }
    drawConversations();
  });
  showView();
  refreshConversations();
}
