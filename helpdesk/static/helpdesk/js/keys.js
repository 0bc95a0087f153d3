// The keys of the desk. Each one presses something on the page, so a key is never the only way.
// Off for good with one switch, kept in this browser.
import { toast } from "desk/composer";

const words = document.getElementById("words").dataset;
const STORE = "desk-keys";
const isOff = () => localStorage.getItem(STORE) === "off";
let leader = 0;

const rows = () => [...document.querySelectorAll("#rows .list-row")];

function walk(step) {
  const all = rows();
  const now = all.findIndex((row) => row === document.activeElement || (!all.includes(document.activeElement) && row.hasAttribute("aria-current")));
  all[Math.min(all.length - 1, Math.max(0, now + step))]?.focus();
}

function press(key) {
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => one.checkVisibility?.({ checkOpacity: false }) || one.type === "radio");
  if (!found) return false;
  if (found.type === "radio") {
    found.checked = true;
    found.dispatchEvent(new Event("change", { bubbles: true }));
  } else found.click();
  found.matches("summary") && found.parentElement.querySelector(".menu-panel :is(select,button,input:not([type=hidden]))")?.focus();
  return true;
}

function escape() {
  const menu = document.querySelector("details.menu[open], details.rename[open]");
  if (menu) {
    menu.open = false;
    return menu.querySelector("summary").focus();
  }
  if (document.activeElement.matches("input,textarea,select")) return document.activeElement.blur();
  document.querySelector(".thread-head .back")?.checkVisibility() && document.querySelector(".thread-head .back").click();
}

function isTyping(event) {
  return event.target.matches?.("input:not([type=radio],[type=checkbox]),textarea,select,[contenteditable]") || event.isComposing || event.defaultPrevented;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return escape();
  if (isOff() || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (leader && Date.now() - leader < 1500) {
    leader = 0;
    const place = document.querySelector(`[data-key-go="${CSS.escape(key)}"]`);
    if (place) return void (event.preventDefault(), place.click());
  }
  if (key === "g") return void (leader = Date.now());
  const done = key === "j" ? (walk(1), true) : key === "k" ? (walk(-1), true) : key === "?" ? (help(), true) : key === "." ? (document.querySelector(".side-open")?.click(), true) : press(key);
  if (done) event.preventDefault();
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
