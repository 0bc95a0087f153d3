// What the reader has had on screen. Only that moves the head a reply is based on ("seen"), and only that
// is marked as read. What waits below or above is counted on one button.
import { Refused, post } from "desk/http";
import { place } from "desk/live";
import { isTail, more, toFirst, toNewest } from "desk/pages";
import { at, divide, entries, feed, find, moment } from "desk/rowset";
import { isOnScreen, pin } from "desk/scroll";
import { toast } from "desk/toast";
import { words } from "desk/words";

const QUIET = 1500;
const unseen = []; // [{head, keys: Map(key → is it a message)}] in order of change
const read = new Map(); // ticket → the latest `at` that was on screen
const sent = new Map();
let seen = 0;
let leftAt = 0;
let keptUnread = new Set();
let looking = 0;
let timer = 0;

export const seenHead = () => seen;
const isMessage = (row) => row?.querySelector(":scope > .message");
const isOurs = (row) => row.querySelector(".message-head b")?.textContent === words.you;

export function open() {
  const thread = document.getElementById("thread");
  unseen.length = 0;
  keptUnread = new Set();
  read.clear();
  sent.clear();
  seen = place.head;
  leftAt = thread?.dataset.left ? moment(thread.dataset.left) : 0;
  if (!thread) return;
  mark();
  // Nothing was new: what comes while one looks on isn't "since you left".
  if (!document.getElementById("new-since") && isTail()) leftAt = 0;
  const divider = document.getElementById("new-since");
  if (divider && !thread.querySelector(".is-target") && divider.getBoundingClientRect().top < thread.getBoundingClientRect().top) pin(() => divider, "start");
  look();
}

// "New since you left", above the first message of somebody else that came after that.
function mark() {
  const first = leftAt ? entries().find((row) => at(row) > leftAt && isMessage(row) && !isOurs(row)) : null;
  divide("new-since", first, words.newSince);
}

function arrived({ head, added }) {
  const others = added.filter((one) => !one.mine);
  if (document.hidden && others.length && !document.getElementById("new-since")) {
    leftAt = Math.max(0, ...entries().filter((row) => !others.some(({ row: one }) => one === row)).map(at));
    mark();
  }
  unseen.push({ head, keys: new Map(others.map(({ key, row, html }) => [key, row ? Boolean(isMessage(row)) : html.includes("message-main")])) });
  look();
}

function look() {
  cancelAnimationFrame(looking);
  looking = requestAnimationFrame(() => {
    if (!feed() || document.hidden) return;
    for (const batch of unseen) for (const key of batch.keys.keys()) if (isGone(key)) batch.keys.delete(key);
    while (unseen.length && !unseen[0].keys.size) seen = Math.max(seen, unseen.shift().head);
    for (const field of document.querySelectorAll("[data-seen]")) field.value = Math.max(seen, Number(field.value));
    count();
    noteRead();
  });
}

function isGone(key) {
  const row = find(key);
  return row ? isOnScreen(row) || !row.checkVisibility() : false;
}

function count() {
  const waiting = unseen.flatMap((batch) => [...batch.keys.values()]);
  const messages = waiting.filter(Boolean).length;
  const below = document.getElementById("below");
  below.hidden = !waiting.length && isTail();
  below.querySelector("span").textContent = messages ? words.newBelow.replace("%s", messages) : waiting.length ? words.below : words.newest;
}

function noteRead() {
  for (const row of entries()) {
    const { matter, at: when } = row.dataset;
    if (!matter || keptUnread.has(matter) || !isOnScreen(row)) continue;
    if (!read.has(matter) || moment(when) > moment(read.get(matter))) read.set(matter, when);
  }
  if ([...read].some(([matter, when]) => sent.get(matter) !== when)) timer ||= setTimeout(tell, QUIET);
}

function tell(options = {}) {
  clearTimeout(timer);
  timer = 0;
  const fresh = [...read].filter(([matter, when]) => sent.get(matter) !== when);
  if (!fresh.length || !place.id) return;
  const body = new URLSearchParams(fresh.map(([matter, when]) => ["upto", `${when},${matter}`]));
  for (const [matter, when] of fresh) sent.set(matter, when);
  post(document.getElementById("thread").dataset.read, body, options)
    .then(() => document.dispatchEvent(new CustomEvent("desk:read", { detail: fresh.map(([matter]) => Number(matter)) })))
    .catch(() => fresh.forEach(([matter]) => sent.delete(matter)));
}

// Marked as unread by hand: what is still on screen doesn't count until it is opened again.
export async function markUnread(ticket) {
  keptUnread.add(String(ticket));
  read.delete(String(ticket));
  await post(`/tickets/${ticket}/unread/`, {}).catch(() => {});
  document.dispatchEvent(new CustomEvent("desk:read", { detail: [Number(ticket)] }));
}

const tried = (work) => work?.catch((error) => (error instanceof Refused ? toast(words.failed) : reportError(error)));
const GO = { first: toFirst, newest: toNewest, before: () => more("before"), after: () => more("after") };

document.addEventListener("desk:arrived", (event) => arrived(event.detail));
document.addEventListener("desk:scrolled", look);
document.addEventListener("desk:paged", () => (mark(), look()));
document.addEventListener("desk:leaving", () => tell({ keepalive: true }));
document.addEventListener("visibilitychange", () => (document.hidden ? tell({ keepalive: true }) : look()));
addEventListener("pagehide", () => tell({ keepalive: true }));
document.addEventListener("click", (event) => {
  if (event.target.closest("#below")) tried(toNewest().then(look));
  const wanted = event.target.closest("[data-page]");
  if (wanted) {
    event.preventDefault();
    tried(GO[wanted.dataset.page]());
  }
  const unread = event.target.closest("[data-unread]");
  if (unread) markUnread(unread.dataset.unread);
});
