// The HTTP interface. Addresses are relative to the page's own, so it works below any path.

import { $ } from "./dom.js";
import { reconnected } from "./notices.js";

export class ApiError extends Error {
  constructor(status, body) {
    super(body.detail);
    Object.assign(this, { status, code: body.error, detail: body.detail, hint: body.hint });
  }
}

// In this tab alone: not in the address, not in what is logged, gone when the tab is closed.
let key = sessionStorage.getItem("lectern-key");

export const headers = () => (key ? { Authorization: `Bearer ${key}` } : {});

export const address = (path, params = {}) => {
  const said = Object.entries(params).filter(([, value]) => value != null && value !== "");
  return said.length ? `${path}?${new URLSearchParams(said)}` : path;
};

async function errorOf(response) {
  const body = await response.json().catch(() => null);
  return new ApiError(response.status, body?.error ? body : {
    error: "unexpected_answer", detail: `The service answered ${response.status}.`, hint: "",
  });
}

/** The response, of a good status. Throws ApiError; "offline" where nothing answers. */
export async function request(path, { method = "GET", json, signal, body } = {}) {
  for (;;) {
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
      throw new ApiError(0, { error: "offline", detail: "The service does not answer.", hint: "" });
    }
    if (response.status === 401) await signIn();
    else if (response.ok) return response;
    else throw await errorOf(response);
  }
}

export const call = async (path, options) => (await request(path, options)).json();

/** (event, data) of server-sent events. */
export async function* events(path, options) {
  const response = await request(path, options);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let read; !(read = await reader.read()).done;) {
    const blocks = (text + read.value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [, event, data] = block.match(/^event: (.*)\ndata: (.*)$/) ?? [];
      if (event) yield { event, data: JSON.parse(data) };
    }
  }
}

/** Upload one file; `onShare(share)` in [0, 1]. Resolves to {status, body}; throws ApiError. */
export function upload(path, method, fields, onShare, signal) {
  const send = () => new Promise((resolve, reject) => {
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
      else reject(new ApiError(http.status, body?.error ? body
        : { error: "unexpected_answer", detail: `The service answered ${http.status}.`, hint: "" }));
    };
    http.onerror = () => {
      reconnected();
      reject(new ApiError(0, { error: "offline", detail: "The connection was lost.", hint: "" }));
    };
    http.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal?.addEventListener("abort", () => http.abort());
    http.send(form);
  });
  return send().catch(async (error) => {
    if (error.status !== 401) throw error;
    await signIn();
    return send();
  });
}

let signingIn = null;

/** Ask for a key until one is accepted; those who ask meanwhile wait for the same. */
function signIn() {
  signingIn ??= new Promise((done) => {
    const dialog = $("sign-in"), form = dialog.querySelector("form");
    $("key-problem").textContent = key ? "This key is not accepted." : "";
    $("key").value = "";
    dialog.oncancel = (event) => event.preventDefault();
    form.onsubmit = (event) => {
      event.preventDefault();
      key = $("key").value.trim();
      sessionStorage.setItem("lectern-key", key);
      $("key").value = "";
      dialog.close();
      signingIn = null;
      done();
    };
    dialog.showModal();
  });
  return signingIn;
}
