// The doors of the chat. An answer that isn't 2xx is a `Refused`; no answer at all is any other error.
import { key, language } from "chat/page";

export const address = (path) => `/w/${key}/${path}`;

export class Refused extends Error {
  constructor(status, { error = "", message = "" } = {}, after = 0) {
    super(message);
    Object.assign(this, { status, code: error, after });
  }
  // Whether the same request may do better later.
  get passes() {
    return this.status >= 500 || [401, 408, 425, 429].includes(this.status);
  }
}

export const refusal = (status, text, after) => {
  try {
    return new Refused(status, JSON.parse(text), after);
  } catch {
    return new Refused(status, {}, after);
  }
};

// Seconds of patience, then it counts as no answer.
export async function call(path, { token, body, signal, patience = 15 } = {}) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), patience * 1000);
  signal?.addEventListener("abort", () => stop.abort());
  const headers = { Accept: "application/json", "Accept-Language": language };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(address(path), { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal: stop.signal, cache: "no-store", credentials: "omit" });
    const text = await answer.text();
    if (!answer.ok) throw refusal(answer.status, text, Number(answer.headers.get("Retry-After")) || 0);
    return text ? JSON.parse(text) : {};
  } finally {
    clearTimeout(timer);
  }
}
