// The keys of the desk. Each one presses something on the page, so a key is never the only way.
// Off for good with one switch, kept in this browser.
import { choose } from "desk/composer";
import { go } from "desk/places";
import { ownAct } from "desk/rows";
import { markUnread } from "desk/seen";
import { toast } from "desk/toast";
import { words } from "desk/words";

const STORE = "desk-keys";
const isOff = () => localStorage.getItem(STORE) === "off";
let leader = 0;

const rows = () => [...document.querySelectorAll("#rows .list-row")];
const keyOf = (row) => row?.closest("[data-key]")?.dataset.key;
const ticketOf = (row) => keyOf(row)?.split(":")[1];

function here() {
  const all = rows();
  const focused = all.indexOf(document.activeElement);
  return [all, focused >= 0 ? focused : all.findIndex((row) => row.hasAttribute("aria-current"))];
}

function walk(step, wanted = () => true) {
  const [all, now] = here();
  const way = step > 0 ? all.slice(now + 1) : all.slice(0, Math.max(0, now)).reverse();
  way.find(wanted)?.focus();
}

function press(key) {
  const shown = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].filter((one) => one.checkVisibility?.({ checkOpacity: false }));
  // What belongs to the conversation that is open goes before what is always there.
  const found = shown.find((one) => one.closest("main")) ?? shown[0];
  if (!found) return false;
  found.click();
  found.matches("summary") && found.parentElement.querySelector(".menu-panel :is(select,button,input:not([type=hidden]))")?.focus();
  return true;
}

// After the matter is dealt with, the next one is under the fingers; with Shift it is open at once.
function dealt(open) {
  const [all, now] = here();
  if (all[now]) ownAct(keyOf(all[now]));
  const next = all[now + 1] ?? all[now - 1];
  if (!next) return;
  if (open) go(next.href, { focus: true });
  else next.focus();
}

function escape() {
  const menu = document.querySelector("details.menu[open], details.rename[open]");
  if (menu) {
    menu.open = false;
    return menu.querySelector("summary").focus();
  }
  if (document.activeElement.matches("input,textarea,select")) return leaveField();
  const back = document.querySelector(".thread-head .back");
  if (back?.checkVisibility()) back.click();
  else (rows().find((row) => row.hasAttribute("aria-current")) ?? rows()[0])?.focus();
}

function leaveField() {
  document.activeElement.blur();
  document.getElementById("thread")?.focus({ preventScroll: true });
}

function isTyping(event) {
  return event.target.matches?.("input:not([type=radio],[type=checkbox]),textarea,select,[contenteditable]") || event.isComposing || event.defaultPrevented;
}

const MINE = {
  j: (event) => walk(1, event.shiftKey ? (row) => row.querySelector(".unread") || row.matches(".unread") : undefined),
  k: () => walk(-1),
  r: () => choose("reply"),
  n: () => choose("note"),
  e: (event) => press("e") && dealt(event.shiftKey),
  u: () => {
    const focused = ticketOf(document.activeElement.closest?.(".list-row"));
    const ticket = focused ?? document.querySelector("[data-unread]")?.dataset.unread;
    if (ticket) markUnread(ticket);
  },
  "?": () => help(),
  ".": () => document.querySelector(".side-open")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing && !document.querySelector("dialog[open]")) return escape();
  if (isOff() || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key.toLowerCase() === "e") return;
  const key = event.key.toLowerCase();
  if (leader && Date.now() - leader < 1500) {
    leader = 0;
    const place = document.querySelector(`[data-key-go="${CSS.escape(key)}"]`);
    if (place) return void (event.preventDefault(), place.click());
  }
  if (key === "g") return void (leader = Date.now());
  if (MINE[key]) return void (event.preventDefault(), MINE[key](event));
  if (event.shiftKey) return;
  if (press(key)) event.preventDefault();
});

// A snooze that was chosen has dealt with it, too.
document.addEventListener("htmx:afterRequest", (event) => {
  const path = event.detail.requestConfig?.path ?? "";
  if (event.detail.successful && /\/snooze\/$/.test(path) && !isOff()) dealt(false);
});

function help() {
  const dialog = document.getElementById("keys");
  dialog.querySelector("[data-keys-switch]").checked = !isOff();
  dialog.showModal();
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-keys-switch]")) return;
  localStorage.setItem(STORE, event.target.checked ? "on" : "off");
  toast(event.target.checked ? words.keysOn : words.keysOff, "ok");
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys-help]")) help();
  // One menu at a time, and none once one clicks elsewhere.
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
