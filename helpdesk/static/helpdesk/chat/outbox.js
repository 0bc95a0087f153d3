// What the visitor sent and the server has not threaded yet. Every message has its token from the start and lies in the
// stash until its entry comes back, so a reload, a dead line or a second tab neither loses nor doubles it.
// States: waiting → kept (the server has it) → gone with its entry, or failed (the server will never take it).
import { jitter, steady } from "chat/page";
import { site, tell } from "chat/site";
import { stash } from "chat/stash";
import { ask } from "chat/visitor";

let timer = 0;
let tries = 0;
let last = 0;
let moved = () => {};
let introduction = () => ({});
let introduced = () => {};

export const onMoved = (does) => (moved = does);
export const introduceWith = (gives, given) => ([introduction, introduced] = [gives, given]);

export const pending = () => stash.names("out:").map((name) => stash.get(name)).filter(Boolean);
const place = ({ at, token }) => `out:${String(at).padStart(15, "0")}:${token}`;

function newToken() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return [...bytes].map((byte, at) => ([4, 6, 8, 10].includes(at) ? "-" : "") + byte.toString(16).padStart(2, "0")).join("");
}

export function post(text, files) {
  last = Math.max(Date.now(), last + 1);
  put({ token: newToken(), text, files, at: last, state: "waiting" });
  flush();
}

export function again(item) {
  put({ ...item, state: "waiting", error: "" });
  flush();
}

// Its entry is in the transcript.
export const done = (item) => stash.set(place(item), null);

// What was kept for somebody else, or so long ago that its entry won't come any more.
export function forgetKept(age = 0) {
  for (const item of pending()) if (item.state === "kept" && Date.now() - item.at >= age) done(item);
}

function put(item) {
  stash.set(place(item), item);
  moved();
}

function settle(item, what) {
  if (stash.get(place(item))) put({ ...item, ...what });
}

// In order. Two tabs may send the same message: its token makes it one.
const flush = steady(async () => {
  clearTimeout(timer);
  for (let item; (item = pending().find(({ state }) => state === "waiting")); ) {
    try {
      await ask("messages/", { body: { ...introduction(), text: item.text, client_token: item.token, files: item.files.map(({ id }) => id), page: site.page }, patience: 30 });
    } catch (refused) {
      if (!refused.status || refused.passes) return later(refused.after);
      settle(item, { state: "failed", error: refused.message });
      continue;
    }
    tries = 0;
    introduced();
    settle(item, { state: "kept" });
    tell({ is: "talked" });
  }
});

function later(seconds = 0) {
  clearTimeout(timer);
  timer = setTimeout(flush, Math.min(seconds, 300) * 1000 + jitter(tries++));
}

export function hurry() {
  tries = 0;
  flush();
}
