// Collections and conversations, and the way between views.

import { address, call, headers } from "./api.js";
import { $, h, iconButton } from "./dom.js";
import { allCollections, collection, refreshCollections } from "./documents.js";
import { problem, say, toast } from "./notices.js";
import { move, onMove, where } from "./state.js";

let conversations = [];
let cursor = null;

const NOWHERE = { conversation: null, answer: null, document: null, page: null, start: null, end: null };

function drawCollections() {
  const all = allCollections();
  const names = all.map((one) => one.name);
  const listed = names.includes(collection()) ? all : [{ name: collection(), documents: 0 }, ...all];
  $("collections").replaceChildren(...listed.map(({ name, documents }) => h("li", {},
    h("button", { type: "button", "aria-current": name === collection() ? "true" : null, onclick: () => choose(name) },
      h("span", {}, name), h("span", { className: "count" }, documents ? documents.toLocaleString() : "")))));
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
  try {
    const found = await call(address("conversations", { collection: collection(), limit: 30, cursor: more ? cursor : null }));
    conversations = more ? [...conversations, ...found.conversations] : found.conversations;
    cursor = found.next_cursor;
    drawConversations();
  } catch (error) {
    if (error.code !== "offline") problem(error);
  }
}

function drawConversations() {
  const rows = conversations.filter((one) => one.turn_count || one.id === where.conversation).map((one) => h("li", {},
    h("button", { type: "button", "aria-current": one.id === where.conversation ? "true" : null, title: one.title, onclick: () => { move({ ...NOWHERE, conversation: one.id, view: null }); closeSidebar(); } },
      h("span", {}, one.title)),
    iconButton("pen", `Rename “${one.title}”`, () => rename(one)),
    iconButton("bin", `Delete “${one.title}”`, () => remove(one))));
  if (!rows.length) rows.push(h("li", { className: "none" }, "None yet"));
  if (cursor) rows.push(h("li", {}, h("button", { type: "button", onclick: () => refreshConversations({ more: true }) }, h("span", {}, "Show more"))));
  $("conversations").replaceChildren(...rows);
}

function rename(one) {
  const dialog = $("rename");
  $("new-title").value = one.title;
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

function remove(one) {
  conversations = conversations.filter((other) => other !== one);
  if (where.conversation === one.id) move({ ...NOWHERE });
  drawConversations();
  const timer = setTimeout(async () => {
    removeEventListener("pagehide", now);
    try { await call(`conversations/${one.id}`, { method: "DELETE" }); } catch (error) { if (error.status !== 404) problem(error); }
  }, 6000);
  const now = () => fetch(`conversations/${one.id}`, { method: "DELETE", keepalive: true, headers: headers() });
  addEventListener("pagehide", now, { once: true });
  toast("The conversation is deleted.", { action: "Undo", onAction: () => { clearTimeout(timer); removeEventListener("pagehide", now); refreshConversations(); } });
}

function openSidebar() {
  $("sidebar").classList.add("open");
  $("open-sidebar").setAttribute("aria-expanded", "true");
  $("close-sidebar").focus();
}

export function closeSidebar() {
  if (!$("sidebar").classList.contains("open")) return false;
  $("sidebar").classList.remove("open");
  $("open-sidebar").setAttribute("aria-expanded", "false");
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
    if ((now.collection ?? "") !== (before.collection ?? "")) refreshConversations();
    else drawConversations();
  });
  showView();
  refreshConversations();
}
