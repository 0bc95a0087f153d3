// The conversation as the visitor sees it: entries of the server by their time, then what is still on its way.
import { find, sayDay } from "chat/page";
import * as outbox from "chat/outbox";
import { draw, drawState, newRow } from "chat/row";

const log = find("log");
const thread = find("thread");
const GROUP = 5 * 60000;
const entries = new Map(); // id → {entry, row}
const sending = new Map(); // client token → row
let seenByUs = 0;
let greeting = null;
let opened = 0;

export const all = () => [...entries.values()];
export const rowOf = (id) => entries.get(id)?.row;
const said = () => all().filter(({ entry }) => entry.from !== "desk");
export const lastSaid = () => said().reduce((last, one) => (last && last.entry.at > one.entry.at ? last : one), null)?.entry ?? null;
export const oldest = () => all().reduce((first, one) => (first && first.entry.at < one.entry.at ? first : one), null)?.entry;
export const isEmpty = () => !entries.size && !sending.size;

// What the list below shows a part of: the thread, or on a very low screen the page.
export const scroller = () => (getComputedStyle(thread).overflowY === "visible" ? document.scrollingElement : thread);
export const atEnd = () => {
  const view = scroller();
  return view.scrollHeight - view.scrollTop - view.clientHeight < 100;
};
export const toEnd = () => {
  const view = scroller();
  view.scrollTop = view.scrollHeight;
};

// History is put in silently, what comes afterwards is read out.
export function silently(does) {
  log.setAttribute("aria-live", "off");
  does();
  clearTimeout(opened);
  opened = setTimeout(() => log.setAttribute("aria-live", "polite"), 500);
}

// Returns the entries that were not known before.
export function take(answer) {
  const fresh = answer.entries.filter(put);
  seenByUs = Math.max(seenByUs, answer.seen_by_us ?? 0);
  drawPending();
  return fresh;
}

export function seen(rev) {
  seenByUs = Math.max(seenByUs, rev);
  dress();
}

function put(entry) {
  const known = entries.get(entry.id);
  if (known && known.entry.rev > entry.rev) return false;
  const row = known?.row ?? sending.get(entry.token) ?? newRow();
  if (entry.token && sending.delete(entry.token)) outbox.pending().filter(({ token }) => token === entry.token).forEach(outbox.done);
  draw(row, entry);
  drawChoices(row, entry);
  entries.set(entry.id, { entry, row });
  if (!known) place(row, entry);
  return !known;
}

// Answers to choose from stand under the newest message only.
function drawChoices(row, { choices = [] }) {
  const buttons = choices.map((text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => {
      outbox.post(text, []);
      find("text").focus();
      toEnd();
    });
    return button;
  });
  row.querySelector(".choices").replaceChildren(...buttons);
}

const later = (one, other) => Date.parse(one) - Date.parse(other) || (one > other ? 1 : -1);

function place(row, { at }) {
  let after = [...log.children].findLast((other) => other !== row && other.dataset.id && later(at, other.dataset.at) > 0);
  row.dataset.id = "1";
  if (!after && greeting?.isConnected) after = greeting;
  if (after) after.after(row);
  else log.prepend(row);
}

export function drawPending() {
  const items = outbox.pending();
  for (const item of items) {
    if (all().some(({ entry }) => entry.token === item.token)) {
      outbox.done(item);
      continue;
    }
    const fresh = !sending.has(item.token);
    const row = sending.get(item.token) ?? newRow();
    sending.set(item.token, row);
    const at = new Date(item.at).toISOString();
    if (fresh) draw(row, { from: "you", name: "", text: item.text, at, files: item.files });
    if (fresh) log.append(row);
    drawState(row, { waiting: "sending", kept: "sent", failed: "failed" }[item.state], item.error, () => outbox.again(item));
  }
  // Sent by another tab, or thrown away with its visitor.
  for (const [token, row] of sending) {
    if (items.some((item) => item.token === token)) continue;
    sending.delete(token);
    row.remove();
  }
  dress();
}

// Neighbours decide what a row says of its day, its author and its state.
function dress() {
  let before = null;
  let own = null;
  for (const { entry, row } of entries.values()) if (entry.from === "you") drawState(row, entry.rev <= seenByUs ? "seen" : "sent");
  for (const row of log.children) {
    if (row === greeting) continue;
    const at = Date.parse(row.dataset.at);
    const day = row.querySelector(".day");
    const newDay = !before || new Date(at).toDateString() !== new Date(Date.parse(before.dataset.at)).toDateString();
    day.hidden = !newDay;
    day.textContent = newDay ? sayDay(at) : "";
    const same = before && !newDay && at - Date.parse(before.dataset.at) < GROUP && author(before) === author(row);
    row.classList.toggle("more", Boolean(same));
    row.classList.remove("last");
    const choices = row.querySelector(".choices");
    choices.hidden = row !== log.lastElementChild || !choices.childElementCount;
    if (row.classList.contains("you") && !row.classList.contains("withdrawn")) own = row;
    before = row;
  }
  own?.classList.add("last");
}

const author = (row) => (row.classList.contains("you") ? "you" : row.querySelector("b").textContent);

export function greet(text, name) {
  if (!text || greeting) return;
  greeting = newRow();
  draw(greeting, { from: "us", name, text, at: new Date().toISOString(), files: [] });
  greeting.classList.add("greeting");
  greeting.querySelector("time").remove();
  silently(() => log.prepend(greeting));
  dress();
}

export function clear() {
  entries.clear();
  sending.clear();
  seenByUs = 0;
  silently(() => log.replaceChildren(...(greeting ? [greeting] : [])));
  drawPending();
}

// Older entries go above what is in sight, which stays where it is.
export function takeEarlier(older) {
  const view = scroller();
  const below = view.scrollHeight - view.scrollTop;
  silently(() => take({ entries: older }));
  view.scrollTop = view.scrollHeight - below;
}
