// What was sent and not yet accepted. Kept in this browser for its agent before it is tried, so a lost line, a
// reload or a crash loses nothing; tried in order; the server takes each client token once, so nothing goes twice.
import { post } from "desk/http";
import { line } from "desk/socket";

const KEY = `desk-outbox:${document.body.dataset.agent}`;
const SLOWEST = 30_000;
let memory = [];
let running = false;
let timer = 0;
let tries = 0;

const tell = (detail) => document.dispatchEvent(new CustomEvent("desk:outbox", { detail }));

export function items() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return memory;
  }
}

function keep(all) {
  memory = all;
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    // No room or no permission: it lives as long as the page does.
  }
}

export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

export function add(item) {
  keep([...items(), { ...item, state: "waiting" }]);
  tell({ token: item.token });
  run(true);
}

export function change(token, changes) {
  keep(items().map((item) => (item.token === token ? { ...item, ...changes } : item)));
  tell({ token });
}

export function remove(token, answer = null) {
  const item = items().find((one) => one.token === token);
  keep(items().filter((one) => one.token !== token));
  tell({ token, item, answer });
}

// One that needs a decision holds up those after it in the same ticket and way of writing.
function next() {
  const held = new Set();
  return items().find((item) => {
    const lane = `${item.ticket} ${item.mode}`;
    const free = item.state === "waiting" && !held.has(lane);
    held.add(lane);
    return free;
  });
}

// One tab sends at a time where the browser can arrange that; else the token sees to it.
const alone = (work) => (navigator.locks ? navigator.locks.request(KEY, { ifAvailable: true }, (lock) => lock && work()) : work());

export async function run(soon = false) {
  if (soon) tries = 0;
  clearTimeout(timer);
  if (running) return;
  running = true;
  try {
    await alone(empty);
  } finally {
    running = false;
    if (next()) timer = setTimeout(run, Math.random() * Math.min(SLOWEST, 1000 * 2 ** tries++) + 200);
  }
}

async function empty() {
  for (let item = next(); item; item = next()) {
    // Nothing left this browser yet, so its author may still change it.
    if (!navigator.onLine) return;
    if (!item.tried) change(item.token, { tried: true });
    try {
      const answer = await post(item.url, new URLSearchParams(item.fields));
      tries = 0;
      remove(item.token, answer);
    } catch (error) {
      if (!decided(item, error)) return;
    }
  }
}

// Whether the desk has said something final about it. Out of reach, overloaded or signed out is not.
function decided({ token }, { status, told }) {
  if (status === 0 || status === 401 || status === 429 || status >= 500 || (status === 403 && !told.code)) {
    tell({ token, out: status === 401 || status === 403 });
    return false;
  }
  change(token, { state: told.code ?? "refused", problem: told.message ?? "", head: told.head ?? 0, newer: told.newer ?? [] });
  return true;
}

// Once more, now that its author has decided: `fields` replace those of the first try.
export function retry(token, fields = {}) {
  const item = items().find((one) => one.token === token);
  if (!item) return;
  const rest = item.fields.filter(([name]) => !(name in fields));
  change(token, { fields: [...rest, ...Object.entries(fields)], state: "waiting", problem: "", newer: [] });
  run(true);
}

line.addEventListener("up", () => run(true));
line.addEventListener("wake", () => run(true));
addEventListener("storage", (event) => event.key === KEY && tell({}));
