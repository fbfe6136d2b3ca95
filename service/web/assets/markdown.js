// Markdown to nodes, while it comes. There is no way from text to markup here: every character ends in a text
// node, links lead to http and https alone, and pictures are not loaded.

import { h } from "./dom.js";

const LIST = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const CITATION = /\[(\d{1,3})\]/y;
const LINK = /\[([^[\]\n]{1,300})\]\((https?:\/\/[^\s()<>]{1,2000})\)/y;
const ADDRESS = /https?:\/\/[^\s<>()[\]"']{1,2000}[^\s<>()[\]"'.,;:!?]/y;
const CODE = /(`+)([^`](?:.*?[^`])?)\1(?!`)/ys;

/**
 * Renders into `into`; `feed` as text comes, `finish` with what is known at the end.
 *
 * `chip(number)` makes the node for "[n]". A block (a paragraph, a list) that is complete is not
 * looked at again, so a long answer takes linear time.
 */
export class MarkdownStream {
  constructor(into, { chip, isPlain = false }) {
    Object.assign(this, { into, chip, isPlain, text: "", done: 0, open: [], unsupported: [] });
  }

  feed(piece) {
    this.text += piece;
  }

  /** Bring what is shown up to date: once a frame is enough. */
  show() {
    for (const node of this.open) node.remove();
    const fresh = this.text.slice(this.done);
    const end = completeUntil(fresh, this.isPlain);
    if (end) {
      this.into.append(...this.blocks(fresh.slice(0, end), this.done));
      this.done += end;
    }
    this.open = this.blocks(this.text.slice(this.done), this.done);
    this.into.append(...this.open);
  }

  /** Show the whole answer anew, with the sentences [start, end) that nothing carries marked. */
  finish(text, unsupported = [], isPlain = this.isPlain) {
    Object.assign(this, { text, unsupported, isPlain, done: 0, open: [] });
    this.into.replaceChildren(...this.blocks(text, 0));
  }

  blocks(text, offset) {
    return this.isPlain ? this.paragraphs(text, offset) : this.markdown(text, offset);
  }

  paragraphs(text, offset) {
    return pieces(text, /\n{2,}/g).map(([from, to]) => h("p", {}, this.said(text.slice(from, to), offset + from)));
  }

  markdown(text, offset) {
    const lines = pieces(text, /\n/g, true).map(([from, to]) => ({ text: text.slice(from, to), at: offset + from }));
    const made = [];
    for (let n = 0; n < lines.length;) {
      const line = lines[n], fence = line.text.match(/^\s{0,3}(`{3,}|~{3,})/);
      const heading = line.text.match(/^(#{1,6})\s+(.*)$/);
      if (fence) {
        const body = [];
        for (n += 1; n < lines.length && !lines[n].text.trim().startsWith(fence[1]); n += 1) body.push(lines[n].text);
        n += 1;
        made.push(h("pre", {}, h("code", {}, body.join("\n"))));
      } else if (!line.text.trim()) n += 1;
      else if (heading) {
        made.push(h(heading[1].length > 2 ? "h4" : "h3", {}, this.inline(heading[2], line.at + line.text.length - heading[2].length)));
        n += 1;
      } else if (/^\s{0,3}([-*_])(\s*\1){2,}\s*$/.test(line.text)) {
        made.push(h("hr"));
        n += 1;
      } else if (isTable(lines, n)) {
        const rows = [];
        for (; n < lines.length && lines[n].text.includes("|"); n += 1) rows.push(lines[n]);
        made.push(this.table(rows));
      } else if (LIST.test(line.text)) {
        const items = [];
        for (; n < lines.length && (LIST.test(lines[n].text) || (lines[n].text.trim() && /^\s{2,}/.test(lines[n].text))); n += 1) items.push(lines[n]);
        made.push(this.list(items));
      } else if (line.text.startsWith(">")) {
        const quoted = h("blockquote");
        for (; n < lines.length && lines[n].text.startsWith(">"); n += 1) {
          const inner = lines[n].text.replace(/^>\s?/, "");
          quoted.append(h("p", {}, this.inline(inner, lines[n].at + lines[n].text.length - inner.length)));
        }
        made.push(quoted);
      } else {
        const paragraph = h("p");
        for (let first = true; n < lines.length && lines[n].text.trim() && (first || !begins(lines, n)); n += 1, first = false) {
          if (!first) paragraph.append(/ {2}$|\\$/.test(lines[n - 1].text) ? h("br") : "\n");
          paragraph.append(...this.inline(lines[n].text.replace(/(\s+|\\)$/, ""), lines[n].at));
        }
        made.push(paragraph);
      }
    }
    return made;
  }

  list(lines) {
    const [, , mark] = lines[0].text.match(LIST);
    const base = lines[0].text.match(LIST)[1].length;
    const list = h(/\d/.test(mark) ? "ol" : "ul");
    if (/\d/.test(mark) && parseInt(mark, 10) !== 1) list.start = parseInt(mark, 10);
    for (let n = 0; n < lines.length;) {
      const found = lines[n].text.match(LIST);
      const said = found ? found[3] : lines[n].text.trim();
      const item = h("li", {}, this.inline(said, lines[n].at + lines[n].text.length - said.length));
      const inner = [];
      for (n += 1; n < lines.length; n += 1) {
        const next = lines[n].text.match(LIST);
        if (next && next[1].length <= base + 1) break;
        inner.push(lines[n]);
      }
      if (inner.length && LIST.test(inner[0].text)) item.append(this.list(inner));
      else for (const one of inner) item.append(" ", ...this.inline(one.text.trim(), one.at + one.text.length - one.text.trimStart().length));
      list.append(item);
    }
    return list;
  }

  table(rows) {
    const cells = (line, tag) => {
      const row = h("tr");
      const from = line.text.startsWith("|") ? 1 : 0;
      let at = from;
      for (const cell of line.text.slice(from).replace(/\|\s*$/, "").split("|")) {
        const said = cell.trim();
        row.append(h(tag, {}, this.inline(said, line.at + at + cell.indexOf(said))));
        at += cell.length + 1;
      }
      return row;
    };
    return h("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Table" }, h("table", {},
      h("thead", {}, cells(rows[0], "th")), h("tbody", {}, rows.slice(2).map((row) => cells(row, "td")))));
  }

  /** Nodes of a line: emphasis, code, links, citations. */
  inline(text, offset) {
    const nodes = [];
    let plain = 0;
    const flush = (to) => { if (to > plain) nodes.push(...this.marked(text.slice(plain, to), offset + plain)); };
    for (let at = 0; at < text.length;) {
      const found = this.special(text, at, offset);
      if (!found) { at += 1; continue; }
      flush(at);
      nodes.push(...found.nodes);
      at = plain = found.end;
    }
    flush(text.length);
    return nodes;
  }

  special(text, at, offset) {
    const matching = (pattern) => { pattern.lastIndex = at; return pattern.exec(text); };
    const char = text[at];
    let found;
    if (char === "\\" && /[\\`*_[\]#|<>~-]/.test(text[at + 1] ?? "")) return { nodes: this.marked(text[at + 1], offset + at + 1), end: at + 2 };
    if (char === "`" && (found = matching(CODE))) return { nodes: [h("code", {}, found[2])], end: at + found[0].length };
    if (char === "[" && (found = matching(CITATION))) return { nodes: [this.chip(Number(found[1]))], end: at + found[0].length };
    if (char === "[" && (found = matching(LINK))) {
      return { nodes: [link(found[2], this.inline(found[1], offset + at + 1))], end: at + found[0].length };
    }
    if (char === "h" && !/\w/.test(text[at - 1] ?? "") && (found = matching(ADDRESS))) return { nodes: [link(found[0], [found[0]])], end: at + found[0].length };
    if ((char === "*" || char === "_") && !(char === "_" && /\w/.test(text[at - 1] ?? ""))) {
      for (const mark of [char + char, char]) {
        if (!text.startsWith(mark, at) || !/\S/.test(text[at + mark.length] ?? "")) continue;
        const end = text.indexOf(mark, at + mark.length + 1);
        if (end < 0 || /\s/.test(text[end - 1]) || (char === "_" && /\w/.test(text[end + mark.length] ?? ""))) continue;
        const inner = this.inline(text.slice(at + mark.length, end), offset + at + mark.length);
        return { nodes: [h(mark.length > 1 ? "strong" : "em", {}, inner)], end: end + mark.length };
      }
    }
    return null;
  }

  /** Text as it is, but for citations. */
  said(text, offset) {
    const nodes = [];
    let plain = 0;
    for (const found of text.matchAll(/\[(\d{1,3})\]/g)) {
      nodes.push(...this.marked(text.slice(plain, found.index), offset + plain), this.chip(Number(found[1])));
      plain = found.index + found[0].length;
    }
    return [...nodes, ...this.marked(text.slice(plain), offset + plain)];
  }

  /** Text nodes; what lies in an unsupported sentence is marked. */
  marked(text, offset) {
    const nodes = [];
    let at = 0;
    for (const { start, end } of this.unsupported) {
      const from = Math.max(at, start - offset), to = Math.min(text.length, end - offset);
      if (from >= to) continue;
      nodes.push(text.slice(at, from), h("mark", { className: "unsupported", title: "No passage that is cited here says this." }, text.slice(from, to)));
      at = to;
    }
    return [...nodes, text.slice(at)].filter((one) => one !== "");
  }
}

const link = (href, children) => h("a", { href, rel: "noopener noreferrer nofollow", target: "_blank" }, children);

const begins = (lines, n) => /^(#{1,6}\s|>|\s{0,3}(`{3,}|~{3,}))/.test(lines[n].text) || LIST.test(lines[n].text) || isTable(lines, n);

const isTable = (lines, n) => lines[n].text.includes("|") && /^\s*\|?\s*:?-{2,}[-:|\s]*$/.test(lines[n + 1]?.text ?? "") && lines[n + 1].text.includes("|");

/** [from, to) of the parts between separators. */
function pieces(text, separator, withEmpty = false) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(separator)) {
    if (withEmpty || match.index > from) found.push([from, match.index]);
    from = match.index + match[0].length;
  }
  if (withEmpty || from < text.length) found.push([from, text.length]);
  return found;
}

/** How far the text can be rendered for good: to its last empty line outside of a code block. */
function completeUntil(text, isPlain) {
  let end = 0, fence = null;
  for (const [from, to] of pieces(text, /\n/g, true)) {
    const mark = isPlain ? null : text.slice(from, to).match(/^\s{0,3}(`{3,}|~{3,})/)?.[1];
    if (mark && !fence) fence = mark;
    else if (fence && text.slice(from, to).trim().startsWith(fence)) fence = null;
    // A list goes on after an empty line: only what follows one that begins anew ends it.
    if (!fence && from === to && to + 1 < text.length && !/^(\s|[-*+]\s|\d{1,9}[.)]\s)/.test(text.slice(to + 1, to + 14))) end = to + 1;
  }
  return end;
}
