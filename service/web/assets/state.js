// Where the page is: the address bar holds it, so that a link leads to the same place.

const NAMES = ["collection", "view", "conversation", "answer", "document", "page", "start", "end"];

const read = () => {
  const said = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, said.get(name)]));
};

export const where = read();
const listeners = [];

export const onMove = (listener) => listeners.push(listener);

/** Change the place; `replace` leaves no step to go back to. */
export function move(changes, { replace = false } = {}) {
  const before = { ...where };
  Object.assign(where, changes);
  const said = NAMES.filter((name) => where[name] != null && where[name] !== "").map((name) => [name, where[name]]);
  const address = said.length ? `?${new URLSearchParams(said)}` : location.pathname;
  const isSame = NAMES.every((name) => (before[name] ?? "") === String(where[name] ?? ""));
  try {
    if (!isSame) history[replace ? "replaceState" : "pushState"](null, "", address);
  } catch { /* some browsers limit how often: the page goes on, the address follows later */ }
  for (const listener of listeners) listener(where, before);
}

addEventListener("popstate", () => {
  const before = { ...where };
  Object.assign(where, read());
  for (const listener of listeners) listener(where, before);
});
