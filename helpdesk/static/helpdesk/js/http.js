// Asking the desk, with the form's token and plain errors: `status` is 0 when nothing was reached.
export class Refused extends Error {
  constructor(status, told = {}) {
    super(told.message ?? String(status));
    Object.assign(this, { status, told });
  }
}

export const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

// On a bad line an answer may never come, and what waits for it would wait forever.
export const PATIENCE = 30_000;

const reached = (answer) =>
  answer.catch((error) => {
    throw new Refused(0, { message: error.message });
  });

export async function fetchJson(url, options = {}) {
  const answer = await reached(fetch(url, { signal: AbortSignal.timeout(PATIENCE), ...options, headers: { Accept: "application/json", ...options.headers } }));
  // Nobody is signed in any more: the page that asks for a password isn't an answer.
  if (answer.redirected) throw new Refused(401);
  const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
  const told = isJson ? await reached(answer.json()) : {};
  if (!answer.ok) throw new Refused(answer.status, told);
  return told;
}

export function post(url, body, options = {}) {
  const data = body instanceof FormData || body instanceof URLSearchParams ? body : new URLSearchParams(body);
  return fetchJson(url, { method: "POST", body: data, ...options, headers: { "X-CSRFToken": token() } });
}
