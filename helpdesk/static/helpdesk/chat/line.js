// The line to the server. A socket rings; what rang is always fetched from since/, which is also how a line that was
// down or blocked catches up. States: "catching" → "live", "offline" while even since/ gets no answer, "closed" when it
// says no.
import { jitter, key, pause, steady } from "chat/page";
import { ask, session, visitor } from "chat/visitor";

const DEAF = 60000; // two heartbeats and some: a socket this silent is dead
const BLOCKED = 2; // sockets in a row that never got ready, and we poll
const AGAIN = 120000; // when to try a socket anew while polling
const CLOSED = 300000; // when to look whether a closed chat is open again

let socket = null;
let ready = false;
let reached = false;
let polling = null;
let wanted = false;
let cursor = 0;
let begun = false;
let life = 0; // one for each history shown: an answer to the one before is nobody's
let heard = 0;
let tries = 0;
let misses = 0;
let last = 0;
let timer = 0;
let retry = 0;
let state = "";
let on = { state() {}, entries() {}, reset() {}, frame() {} };

export const listen = (handlers) => (on = { ...on, ...handlers });
export const rev = () => cursor;
// Says later whether the history shown is still the one of now.
export const thisLife = (mine = life) => () => mine === life;

function say(now, why) {
  if (state !== now) on.state((state = now), why);
}

export function send(frame) {
  if (ready) socket.send(JSON.stringify(frame));
  return ready;
}

// A fault in showing is no fault of the line.
function shown(does) {
  try {
    does();
  } catch (error) {
    reportError(error);
  }
}

async function fetchAll({ wait = 0, signal } = {}) {
  for (let more = true; more; ) {
    const isOurs = thisLife();
    const answer = await ask(`since/?rev=${cursor}${wait ? `&wait=${wait}` : ""}`, { patience: wait + 15, signal });
    if (!isOurs()) return;
    more = answer.more;
    if (answer.reset && cursor) {
      cursor = 0;
      begun = false;
      more = true;
      shown(on.reset);
      continue;
    }
    const first = !begun;
    begun = true;
    cursor = Math.max(cursor, answer.rev);
    shown(() => on.entries(answer, first));
  }
}

const catchUp = steady(async () => {
  clearTimeout(retry);
  await fetchAll();
  // A bell ran ahead of what since/ shows: it will in a moment.
  if (heard > cursor) retry = setTimeout(ring, 1000);
});

const ring = () => catchUp().catch(() => hangUp());

function connect() {
  clearTimeout(timer);
  if (!wanted || socket) return;
  const secure = location.protocol === "https:" ? "wss" : "ws";
  let mine;
  try {
    mine = socket = new WebSocket(`${secure}://${location.host}/ws/chat/${key}/`);
  } catch {
    return lost();
  }
  const slow = setTimeout(() => mine.close(), 8000);
  mine.onopen = () => mine.send(JSON.stringify({ do: "hello", token: visitor.token, rev: cursor }));
  mine.onmessage = ({ data }) => {
    if (mine !== socket) return;
    last = Date.now();
    clearTimeout(slow);
    hear(JSON.parse(data));
  };
  mine.onclose = ({ code, reason }) => {
    clearTimeout(slow);
    if (mine === socket) lost(code, reason);
  };
}

function hear(frame) {
  if (frame.is === "ready") {
    ready = true;
    tries = misses = 0;
    polling?.abort();
    on.frame(frame);
    heard = Math.max(heard, frame.rev);
    if (heard <= cursor) return say("live");
    return void catchUp().then(() => ready && say("live"), () => hangUp());
  }
  if (frame.is === "beat") send({ do: "beat" });
  if (frame.rev > heard && (frame.is === "bell" || frame.is === "beat")) heard = frame.rev;
  if (heard > cursor) ring();
  on.frame(frame);
}

// 1012 comes with the seconds to stay away, so that not everybody is back at once. 4429: there are too many of us.
function lost(code, reason) {
  if (!ready && reached) misses++;
  if (code === 4400) misses = BLOCKED;
  socket = null;
  ready = reached = false;
  if (!wanted) return;
  if (!navigator.onLine) say("offline");
  else if (state === "live" && !polling) say("catching");
  if (misses >= BLOCKED || code === 4429) poll();
  const wait = code === 1012 && Number(reason) ? Number(reason) * 1000 : jitter(tries++);
  clearTimeout(timer);
  timer = setTimeout(attempt, polling ? AGAIN * (0.75 + Math.random() / 2) : wait);
}

// Whether the server answers at all tells a blocked socket from a dead line.
async function attempt() {
  try {
    if (!visitor.at) await session();
    if (!polling) await catchUp();
    reached = true;
  } catch (error) {
    // The chat was closed, or isn't for this site: that is no fault of the line.
    if (error.status && !error.passes) return void (say("closed", error.message), (timer = setTimeout(attempt, CLOSED)));
    say("offline");
    return lost();
  }
  if (!polling) say("catching");
  connect();
}

async function poll() {
  if (polling || !wanted) return;
  const mine = (polling = new AbortController());
  for (let missed = 0, held = 0; !mine.signal.aborted; ) {
    const began = Date.now();
    try {
      await fetchAll({ wait: held, signal: mine.signal });
      held = 20;
      missed = 0;
      say("live");
      if (Date.now() - began < 500) await pause(500 + Math.random() * 1000);
    } catch {
      if (mine.signal.aborted) break;
      held = 0;
      say("offline");
      await pause(jitter(missed++, 1000));
    }
  }
  if (polling === mine) polling = null;
}

// The socket is of no use any more, whatever it says itself.
function hangUp() {
  const mine = socket;
  reached = false;
  lost();
  mine?.close();
}

export function start() {
  if (wanted) return;
  wanted = true;
  say("catching");
  attempt();
}

// Somebody is back: from sleep, from another tab, from a tunnel.
export function wake() {
  if (!wanted) return;
  if (ready && Date.now() - last < DEAF / 2) return ring();
  tries = 0;
  if (polling) {
    polling.abort();
    polling = null;
    return poll();
  }
  hangUp();
}

// The browser says there is no network.
export const sleep = () => wanted && hangUp();

// From the first entry again: somebody else, or another history.
export function restart() {
  cursor = heard = 0;
  begun = false;
  life++;
  polling?.abort();
  polling = null;
  if (wanted) hangUp();
}

setInterval(() => ready && Date.now() - last > DEAF && hangUp(), 10000);
