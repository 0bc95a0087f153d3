// This tab's one line to the desk. It carries doorbells, never data: who shows something fetches what
// changed. A websocket first; where those are blocked, a long poll; where that fails, pages ask by themselves.
import { fetchJson, post } from "desk/http";

export const line = new EventTarget(); // up, bell, row, people, customer, beat, gone, rights, wake, state

const GRACE = 1500; // a drop shorter than this is not worth a word
const SILENCE = 60_000; // two heartbeats of the server and some slack
const SLOWEST = 30_000;
const SLOW = 8000; // a firewall may swallow a websocket without a word
const BLOCKED = 3; // websockets that never got ready before we ask by long poll
const AGAIN = 60_000; // and try websockets again
const BETWEEN = [1000, 4000]; // by then the next long poll listens, on a good line and on a bad one
const watched = new Map(); // conversation → () => its head here
let lists = false;
let socket = null;
let ready = false;
let tries = 0;
let refused = 0;
let polling = null;
let timer = 0;
let lastHeard = 0;
let state = "connecting";
let graceTimer = 0;
let asksBetween = false;
let answered = false;
let ended = false;

const tell = (name, detail) => line.dispatchEvent(new CustomEvent(name, { detail }));
export const isLive = () => state === "live";

function be(next) {
  clearTimeout(graceTimer);
  if (next === state) return;
  const change = () => ((state = next), tell("state", next));
  if (next === "live" || next === "out") change();
  else graceTimer = setTimeout(change, GRACE);
}

export function send(frame) {
  if (!ready) return false;
  socket.send(JSON.stringify(frame));
  return true;
}

export function watch(conversation, head) {
  watched.set(conversation, head);
  if (ready) send({ do: "watch", conversation, head: head() });
  else if (polling) polling.abort();
}

export function unwatch(conversation) {
  if (watched.delete(conversation)) send({ do: "unwatch", conversation });
}

export function watchLists() {
  if (lists) return;
  lists = true;
  send({ do: "lists" });
}

function hear(frame) {
  lastHeard = Date.now();
  if (frame.is === "ready") return begin(frame);
  tell(frame.is, frame);
  if (frame.is !== "beat") return;
  send({ do: "beat" });
  for (const [conversation, head] of Object.entries(frame.heads ?? {})) tell("bell", { conversation: Number(conversation), head });
}

function begin({ here = {} }) {
  [ready, tries, refused] = [true, 0, 0];
  polling?.abort();
  for (const [conversation, head] of watched) send({ do: "watch", conversation, head: head() });
  if (lists) send({ do: "lists" });
  be("live");
  tell("up");
  for (const [agent, state] of Object.entries(here)) tell("presence", { agent: Number(agent), state });
}

export async function connect() {
  clearTimeout(timer);
  if (socket || ended) return;
  const attempt = (socket = {});
  let ticket;
  try {
    ({ ticket } = await post("/live/ticket/", {}));
    if (socket !== attempt) return;
  } catch (error) {
    if (socket !== attempt) return;
    socket = null;
    return error.status === 401 ? end() : error.status ? blocked() : again();
  }
  lastHeard = Date.now();
  const mine = (socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws/desk/?ticket=${encodeURIComponent(ticket)}`));
  const slow = setTimeout(() => ready || mine.close(), SLOW);
  mine.onmessage = (event) => mine === socket && hear(JSON.parse(event.data));
  mine.onclose = (event) => (clearTimeout(slow), mine === socket && lost(event));
}

function lost({ code, reason }) {
  const was = ready;
  [socket, ready] = [null, false];
  if (code === 4401) return end();
  if (code === 4403) return tell("rights");
  if (!was) return blocked();
  // A restart says how long to stay away, so that not everybody is back at once.
  if (code === 1012) return again(Number(reason) * 1000 || Math.random() * 5000);
  again(code === 4429 || code === 4400 ? SLOWEST : undefined);
}

// Full jitter: after a restart nobody comes back at the same moment.
function again(wait = Math.random() * Math.min(SLOWEST, 500 * 2 ** tries++)) {
  if (!polling) be("offline");
  clearTimeout(timer);
  timer = setTimeout(connect, wait);
}

function blocked() {
  if (++refused < BLOCKED) return again();
  if (!polling) poll();
  again(AGAIN);
}

function end() {
  ended = true;
  be("out");
}

function reached() {
  if (state === "live") return;
  be("live");
  tell("up");
}

// What rings between two long polls is heard by neither: pages ask for themselves, as at a heartbeat, once the
// next poll listens.
async function askBetween() {
  answered = true;
  if (asksBetween) return;
  asksBetween = true;
  while (answered) {
    answered = false;
    for (const wait of BETWEEN) {
      await pause(wait);
      if (polling) tell("beat", {});
    }
  }
  asksBetween = false;
}

async function poll() {
  let failures = 0;
  while (!ready && !ended) {
    polling = new AbortController();
    const [[conversation, head] = []] = watched;
    const query = new URLSearchParams(conversation ? { conversation, head: head() } : {});
    if (lists) query.set("lists", "1");
    const asked = Date.now();
    // The desk holds the answer until there is something to tell: not refused is as good as answered.
    const held = setTimeout(reached, 1000);
    try {
      const frames = await fetchJson(`/live/wait/?${query}`, { signal: AbortSignal.any([polling.signal, AbortSignal.timeout(40_000)]) });
      reached();
      failures = 0;
      for (const frame of frames) hear(frame);
      askBetween();
      if (!frames.length && Date.now() - asked < 1000) await pause(1000);
    } catch (error) {
      if (polling.signal.aborted) continue;
      clearTimeout(held);
      if (error.status === 401) return end();
      if (error.status === 403) {
        polling = null;
        return tell("rights");
      }
      be("offline");
      await pause(Math.random() * Math.min(SLOWEST, 1000 * 2 ** ++failures));
    } finally {
      clearTimeout(held);
    }
  }
  polling = null;
}

const pause = (wait) => new Promise((done) => setTimeout(done, wait));

// After sleep a socket may look open and be dead: don't wait for it to find out.
function wake() {
  tell("wake");
  if (ready && Date.now() - lastHeard < SILENCE / 2) return send({ do: "beat" });
  drop();
  tries = 0;
  connect();
}

function drop() {
  const old = socket;
  [socket, ready] = [null, false];
  old?.close?.(1000);
}

export function start() {
  addEventListener("online", wake);
  addEventListener("offline", () => be("offline"));
  addEventListener("pageshow", (event) => event.persisted && wake());
  addEventListener("pagehide", drop);
  document.addEventListener("visibilitychange", () => document.hidden || wake());
  setInterval(() => ready && Date.now() - lastHeard > SILENCE && (drop(), again(0)), 5000);
  connect();
}
