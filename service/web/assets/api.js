// The HTTP interface. Addresses are relative to the page's own, so it works below any path.

import { $ } from "./dom.js";
import { reconnected } from "./notices.js";

class ApiError extends Error {
  constructor(status, body, retryAfterS = null) {
    super(body.detail);
    Object.assign(this, { status, code: body.error, detail: body.detail, hint: body.hint, retryAfterS });
  }
}

const offline = (detail) => new ApiError(0, { error: "offline", detail, hint: "" });
const seconds = (header) => (/^\d+$/.test(header ?? "") ? Number(header) : null);
// A proxy answers so for a service that is away; our own errors have a body that says what is wrong.
const isOfProxy = (status, body) => [502, 503, 504].includes(status) && !body?.error;

// In this tab alone: not in the address, not in what is logged, gone when the tab is closed.
let key = sessionStorage.getItem("lectern-key");

const showSignOut = () => { $("sign-out").hidden = !key; };
showSignOut();
// What was read with the key is nobody's any more: the page begins anew, at its own address.
$("sign-out").onclick = () => {
  sessionStorage.removeItem("lectern-key");
  location.replace(location.pathname);
};

export const headers = () => (key ? { Authorization: `Bearer ${key}` } : {});

export const address = (path, params = {}) => {
  const said = Object.entries(params).filter(([, value]) => value != null && value !== "");
  return said.length ? `${path}?${new URLSearchParams(said)}` : path;
};

function errorOf(status, body, retryAfter) {
  if (isOfProxy(status, body)) {
    reconnected();
    return offline("The service does not answer.");
  }
  const said = body?.error ? body : { error: "unexpected_answer", detail: `The service answered ${status}.`, hint: "" };
  return new ApiError(status, said, seconds(retryAfter));
}

/** The response, of a good status. Throws ApiError; "offline" where nothing answers. */
export async function request(path, { method = "GET", json, signal, body } = {}) {
  for (;;) {
    const sentKey = key;
    const options = { method, signal, body, headers: headers() };
    if (json !== undefined) {
      options.body = JSON.stringify(json);
      options.headers["Content-Type"] = "application/json";
    }
    let response;
    try {
      response = await fetch(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      reconnected();
      throw offline("The service does not answer.");
    }
    if (response.ok) return response;
    if (response.status !== 401) {
      throw errorOf(response.status, await response.json().catch(() => null), response.headers.get("Retry-After"));
    }
    await signIn(sentKey);
  }
}

export const call = async (path, options) => (await request(path, options)).json();

/** A stream that ended before its end. */
export class BrokenStream extends Error {}

/** (event, data) of server-sent events; throws BrokenStream where the connection breaks. */
export async function* events(path, options) {
  const response = await request(path, options);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const next = () => reader.read().catch((error) => {
    throw error.name === "AbortError" ? error : new BrokenStream(error.message);
  });
  let text = "";
  for (let read; !(read = await next()).done;) {
    const blocks = (text + read.value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [, event, data] = block.match(/^event: ([^\n]*)\ndata: ([^\n]*)$/) ?? [];
      if (event) yield { event, data: JSON.parse(data) };
    }
  }
}

/** Upload one file; `onShare(share)` in [0, 1]. Resolves to {status, body}; throws ApiError. */
export async function upload(path, method, fields, onShare, signal) {
  const send = () => new Promise((resolve, reject) => {
    if (signal?.aborted) { reject(new DOMException("stopped", "AbortError")); return; }
    const form = new FormData();
    for (const [name, ...value] of fields) form.append(name, ...value);
    const http = new XMLHttpRequest();
    http.open(method, path);
    for (const [name, value] of Object.entries(headers())) http.setRequestHeader(name, value);
    http.upload.onprogress = (event) => event.lengthComputable && onShare(event.loaded / event.total);
    http.onload = () => {
      let body = null;
      try { body = JSON.parse(http.responseText); } catch { /* not ours */ }
      if (http.status >= 200 && http.status < 300) resolve({ status: http.status, body });
      else reject(errorOf(http.status, body, http.getResponseHeader("Retry-After")));
    };
    http.onerror = () => reject(offline("The connection was lost."));
    http.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal?.addEventListener("abort", () => http.abort());
    http.send(form);
  });
  for (;;) {
    const sentKey = key;
    try {
      return await send();
    } catch (error) {
      if (error.status !== 401) throw error;
      await signIn(sentKey);
    }
  }
}

let signingIn = null;

/** Ask for a key in place of `sentKey`, which was refused; those who ask meanwhile wait for the same. */
function signIn(sentKey) {
  if (key !== sentKey) return Promise.resolve(); // another one was given since
  signingIn ??= new Promise((done) => {
    const dialog = $("sign-in"), form = dialog.querySelector("form");
    $("key-problem").textContent = key ? "This key is not accepted." : "";
    $("key").value = "";
    // Without a key there is nothing to go back to.
    dialog.oncancel = (event) => event.preventDefault();
    dialog.onclose = () => signingIn && dialog.showModal();
    form.onsubmit = (event) => {
      event.preventDefault();
      const given = $("key").value.trim();
      if (!/^[\x21-\x7e]+$/.test(given)) {
        $("key-problem").textContent = "A key has letters, digits and signs, and no spaces.";
        return;
      }
      key = given;
      sessionStorage.setItem("lectern-key", key);
      showSignOut();
      $("key").value = "";
      signingIn = null;
      dialog.close();
      done();
    };
    dialog.showModal();
  });
  return signingIn;
}
