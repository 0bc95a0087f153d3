// A list that keeps itself true. Doorbells name tickets; their rows are asked for at most once a second. Rows
// change in place at once; they come, go and move only while nobody points at the list or walks through it.
import { asking, turns } from "desk/asking";
import { Refused, fetchJson } from "desk/http";
import { parse } from "desk/rowset";
import { isLive, line } from "desk/socket";
import { words } from "desk/words";

const SECOND = 1000;
const SAFETY = 60_000;
const EVERY = 5000;
const MOST = 50;
const wanted = new Set();
const later = new Map(); // key → fresh row, or null for one that left
const own = new Set(); // keys of rows that oneself has just dealt with
const OWN = 5000;
const inTurn = turns();

const list = () => document.querySelector("#rows[data-rows]");
const find = (key) => list()?.querySelector(`:scope > [data-key="${CSS.escape(key)}"]`);
const all = () => [...list().querySelectorAll(":scope > [data-key]")];
const isBusy = () => Boolean(document.querySelector("#rows:hover,#rows-waiting:hover")) || list().contains(document.activeElement);
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

function draw(html) {
  const row = parse(html).firstElementChild;
  window.htmx?.process(row);
  if (row.dataset.key === list().querySelector("[aria-current]")?.closest("[data-key]").dataset.key) row.firstElementChild.setAttribute("aria-current", "true");
  return row;
}

const isUnread = (row) => Boolean(row?.querySelector(".unread"));

function swap(old, fresh) {
  const focused = old.contains(document.activeElement);
  old.replaceWith(fresh);
  if (focused) fresh.querySelector("a").focus({ preventScroll: true });
}

// Rows say where they belong: "moment,ticket", smallest first; resolved ones the other way round.
function isBefore(one, other) {
  const [a, b] = [one, other].map((row) => row.dataset.sort.split(","));
  const earlier = Date.parse(a[0]) - Date.parse(b[0]) || Number(a[1]) - Number(b[1]);
  return list().dataset.order === "latest" ? earlier > 0 : earlier < 0;
}

function home(row) {
  const next = all().find((other) => other !== row && isBefore(row, other));
  const rest = list().querySelector(":scope > :not([data-key])");
  if (!next && rest?.matches(".list-more")) return undefined;
  return next ?? rest ?? null;
}

function move(row) {
  const before = home(row);
  if (before === undefined) return row.remove();
  if (row.nextElementSibling !== before || !row.isConnected) list().insertBefore(row, before);
}

function settle(force = false) {
  if (!list()) return;
  const free = force || !isBusy();
  const focused = document.activeElement.closest?.("#rows [data-key]")?.dataset.key;
  for (const [key, row] of later) {
    if (!free && !own.has(key)) continue;
    later.delete(key);
    own.delete(key);
    const old = find(key);
    if (!row) old?.remove();
    else {
      if (old && old !== row) old.replaceWith(row);
      move(row);
    }
  }
  if (focused) find(focused)?.querySelector("a").focus({ preventScroll: true });
  offer();
  emptied();
}

// Somebody is at work in the list: the moves wait behind one button.
function offer() {
  const button = document.getElementById("rows-waiting");
  if (!button) return;
  button.hidden = !later.size;
  button.textContent = words.updates.replace("%s", later.size);
}

function emptied() {
  const empty = list().querySelector(":scope > .list-empty");
  if (all().length) return empty?.remove();
  if (empty) return;
  list().dataset.mark = ""; // that of a time before the rows that have left
  quietly();
}

function patch(keys, rows) {
  const came = [];
  const told = new Map(rows.map(({ key, html }) => [key, html]));
  for (const key of keys) {
    const old = find(key) ?? null;
    const known = later.get(key) ?? old;
    const html = told.get(key);
    if (!html) {
      if (old) later.set(key, null);
      else later.delete(key);
      continue;
    }
    const fresh = draw(html);
    if (isUnread(fresh) && !isUnread(known)) came.push(fresh);
    const moves = !old || later.has(key) || old.dataset.sort !== fresh.dataset.sort;
    if (old) swap(old, fresh);
    if (moves) later.set(key, fresh);
  }
  settle();
  tell("desk:rows", { came });
}

async function ask() {
  const ids = [...wanted].slice(0, MOST);
  const address = list()?.dataset.rows;
  if (!address || !ids.length) return;
  ids.forEach((id) => wanted.delete(id));
  if (wanted.size) rang();
  // Out of reach: the first page is asked for whole once it is back.
  const { rows } = await fetchJson(`${address}?ids=${ids.join(",")}`);
  if (list()?.dataset.rows === address) patch(ids.map((id) => `row:${id}`), rows);
}

const rang = asking(() => inTurn(ask), SECOND);

export function want(ids) {
  for (const id of ids) wanted.add(id);
  if (wanted.size) rang();
}

function vacate(html) {
  const holder = document.createElement("li");
  holder.className = "list-empty";
  holder.append(parse(html));
  later.clear();
  list().replaceChildren(holder);
  offer();
  tell("desk:rows", { came: [] });
}

// The first page whole: after a time without doorbells nobody knows which rows changed.
async function firstPage() {
  const address = list()?.dataset.rows;
  if (!address) return;
  const { mark, rows, empty } = await fetchJson(`${address}?mark=${list().dataset.mark}`);
  if (!rows || list()?.dataset.rows !== address) return;
  list().dataset.mark = mark;
  if (!rows.length) return vacate(empty);
  const shown = all().slice(0, MOST).map((row) => row.dataset.key);
  patch(new Set([...shown, ...rows.map(({ key }) => key)]), rows);
}

// What one did oneself is shown at once, wherever pointer and focus are.
export function ownAct(key) {
  own.add(key);
  setTimeout(() => own.delete(key), OWN);
  settle();
}

export function open() {
  if (!list()) return;
  later.clear();
  offer();
  list().querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  tell("desk:rows", { came: [] });
}

// A bell about a ticket that is in no way part of what the list shows needs no asking: most tickets of a long list
// stand below its first page. While a new release comes up, processes of the old one may not say all of it.
function concerns({ ticket, owner, ours, status, place, offered }) {
  if (!list()) return false;
  if (find(`row:${ticket}`) || later.has(`row:${ticket}`)) return true;
  const { folder } = list().dataset;
  if (folder === "offered") return offered === true;
  if (status !== list().dataset.status) return false;
  if (folder === "mine" && String(owner) !== document.body.dataset.agent) return false;
  if (folder === "unassigned" && owner !== null) return false;
  if ((folder === "unassigned" || folder === "teams") && ours === false) return false;
  const last = list().querySelector(":scope > .list-more") && all().at(-1);
  return !last || !place || !isBefore(last, { dataset: { sort: `${place},${ticket}` } });
}

let refreshed = 0;
const quietly = () => {
  refreshed = Date.now();
  return document.hidden || inTurn(firstPage).catch((error) => error instanceof Refused || reportError(error));
};
line.addEventListener("row", ({ detail }) => concerns(detail) && want([detail.ticket]));
line.addEventListener("up", quietly);
line.addEventListener("wake", quietly);
// Bells may be lost: the heartbeat asks whether anything looks different.
line.addEventListener("beat", quietly);
document.addEventListener("desk:changed", quietly);
document.addEventListener("desk:read", ({ detail }) => want(detail));
document.addEventListener("pointerout", (event) => event.target.closest?.("#rows,#rows-waiting") && requestAnimationFrame(() => settle()));
document.addEventListener("focusout", (event) => event.target.closest?.("#rows") && requestAnimationFrame(() => settle()));
document.addEventListener("click", (event) => event.target.closest("#rows-waiting") && settle(true));
setInterval(() => isLive() || quietly(), EVERY);
setInterval(() => Date.now() - refreshed < SAFETY / 2 || quietly(), SAFETY);
