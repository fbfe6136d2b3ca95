// Building the page from nodes: text is text, and nothing that comes from a document is ever markup.

export const $ = (id) => document.getElementById(id);

/** An element; `props` are properties, or attributes where their names have a dash. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((one) => one != null && one !== false));
  return element;
}

const PATHS = {
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  again: "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
  up: "M7 11v9H4v-9zm0 0 4-8c1.7 0 2.6 1.2 2.3 2.8L12.7 9H18c1.3 0 2.2 1.2 1.9 2.5l-1.5 6.5c-.2 1.2-1 2-2.2 2H7",
  down: "M7 13V4H4v9zm0 0 4 8c1.7 0 2.6-1.2 2.3-2.8L12.7 15H18c1.3 0 2.2-1.2 1.9-2.5L18.4 6c-.2-1.2-1-2-2.2-2H7",
  stop: "M6 6l12 12M18 6 6 18",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  pen: "m4 20 1-4L16 5l3 3L8 19z",
  replace: "M4 8h13l-4-4M20 16H7l4 4",
  warn: "M12 4 2.5 20h19zM12 10v5m0 2.5v.1",
  search: "M10.5 17a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13zm5-1.5L20 20",
  page: "M6 3h8l4 4v14H6zM14 3v4h4",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export const iconButton = (name, label, onclick) =>
  h("button", { type: "button", className: "icon", "aria-label": label, title: label, onclick }, icon(name));

export const plural = (count, word) => `${count.toLocaleString()} ${word}${count === 1 ? "" : "s"}`;

/** Make `list` hold these rows: those that stay are not touched, so neither is what somebody does with them. */
export function arrange(list, rows) {
  const wanted = new Set(rows);
  for (const row of [...list.children]) if (!wanted.has(row)) row.remove();
  rows.forEach((row, n) => {
    if (list.children[n] !== row) list.insertBefore(row, list.children[n] ?? null);
  });
}
