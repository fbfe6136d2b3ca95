// What the page says besides its content: toasts, the connection, hints for citations, for readers of screens.

import { $, h } from "./dom.js";

/** A message at the bottom, for a while; with an `action`, a button. */
export function toast(text, { action, onAction, onEnd = () => {}, forMs = 6000, focus = false } = {}) {
  const away = () => { clearTimeout(timer); box.remove(); };
  const end = () => { away(); onEnd(); };
  const button = action && h("button", { type: "button", onclick: () => { away(); onAction(); } }, action);
  const box = h("div", { className: "toast", role: "status" }, h("span", {}, text), button);
  let timer = setTimeout(end, forMs);
  // Whoever is at it is given the time.
  const hold = () => clearTimeout(timer);
  const go = () => { clearTimeout(timer); timer = setTimeout(end, forMs); };
  for (const event of ["focusin", "mouseenter"]) box.addEventListener(event, hold);
  for (const event of ["focusout", "mouseleave"]) box.addEventListener(event, () => box.isConnected && go());
  $("toasts").append(box);
  if (focus) button?.focus();
}

/** Tell screen readers. */
export function say(text) {
  $("said").textContent = "";
  requestAnimationFrame(() => { $("said").textContent = text; });
}

export function problem(error) {
  if (error.code === "offline") return; // the banner says so
  toast([error.detail ?? String(error), error.hint].filter(Boolean).join(" "), { forMs: 9000 });
}

let waiting = false;

/** Show that the service does not answer, and resolve once it does again. */
export async function reconnected() {
  if (waiting) return;
  waiting = true;
  $("banner").textContent = "Connection lost. Trying again…";
  $("banner").hidden = false;
  say("Connection lost. Trying again.");
  for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 1.5, 5000)) {
    await new Promise((done) => setTimeout(done, pauseMs));
    try {
      if ((await fetch("healthz", { cache: "no-store" })).ok) break;
    } catch { /* not yet */ }
  }
  waiting = false;
  $("banner").hidden = true;
  say("Connected again.");
  dispatchEvent(new Event("reconnected"));
}

/** The quote of a citation beside its chip, while that is hovered or has the focus. */
export function tipFor(element, contents) {
  const tip = $("tip");
  const show = () => {
    const shown = contents();
    if (!shown) return;
    tip.replaceChildren(...shown);
    tip.hidden = false;
    const at = element.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const above = at.top > size.height + 16;
    tip.style.left = `${Math.max(12, Math.min(at.left - 20, innerWidth - size.width - 12))}px`;
    tip.style.top = `${above ? at.top - size.height - 8 : at.bottom + 8}px`;
    element.setAttribute("aria-describedby", "tip");
  };
  const hide = () => { tip.hidden = true; element.removeAttribute("aria-describedby"); };
  element.addEventListener("mouseenter", show);
  element.addEventListener("focus", show);
  element.addEventListener("mouseleave", hide);
  element.addEventListener("blur", hide);
  element.addEventListener("click", hide);
}
