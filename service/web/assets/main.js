// The page's beginning, and the keys that work everywhere.

import { startChat, stopAsking } from "./chat.js";
import { $ } from "./dom.js";
import { startDocuments } from "./documents.js";
import { closeReader, startReader } from "./reader.js";
import { closeSidebar, startSidebar } from "./sidebar.js";
import { move, where } from "./state.js";

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const isTyping = event.target.matches?.("input, textarea");
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    if (where.view) move({ view: null });
    $("question").focus();
  } else if (event.key === "Escape") {
    $("tip").hidden = true;
    if (event.target.id === "search" && event.target.value) return; // it clears the search
    if (closeSidebar() || stopAsking() || closeReader()) event.preventDefault();
  }
});

// Another tab, or somebody else, may have changed things meanwhile.
let coming = null;
const back = () => {
  clearTimeout(coming);
  coming = setTimeout(() => document.visibilityState === "visible" && dispatchEvent(new Event("back")), 400);
};
document.addEventListener("visibilitychange", back);
addEventListener("focus", back);

startSidebar();
startDocuments();
startReader();
startChat();
if (!where.document && matchMedia("(hover: hover)").matches) $("question").focus();
