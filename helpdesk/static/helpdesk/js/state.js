// How true the page is, in one word everybody sees: live, catching up, offline. A short drop isn't worth a word.
import { isBehind } from "desk/live";
import { items } from "desk/outbox";
import { line } from "desk/socket";
import { words } from "desk/words";

const NAMES = { live: words.stateLive, behind: words.stateBehind, offline: words.stateOffline, out: words.stateOut };
const GRACE = 1500;
let linked = "connecting";
let out = false;
let timer = 0;
let shown = "";

function now() {
  if (out || linked === "out") return "out";
  if (linked === "offline") return "offline";
  return isBehind() || linked === "connecting" ? "behind" : "live";
}

function show() {
  clearTimeout(timer);
  const next = now();
  if (next === shown || (next === "live" && !shown)) return draw(next);
  // Catching up mostly takes a blink.
  timer = setTimeout(() => draw(now()), next === "behind" ? GRACE : 0);
}

function draw(next) {
  const back = shown === "offline" && next === "live";
  shown = next;
  for (const one of document.querySelectorAll("[data-link]")) {
    one.dataset.link = next;
    one.lastElementChild.textContent = NAMES[next];
  }
  strip(next);
  if (back) document.dispatchEvent(new CustomEvent("desk:back"));
}

function strip(next) {
  const box = document.getElementById("link-strip");
  if (!box) return;
  const waiting = items().length;
  const sentence = next === "out" ? words.signIn : next === "offline" ? (waiting ? words.offlineSends.replace("%s", waiting) : words.offline) : "";
  box.hidden = !sentence;
  if (box.querySelector("span").textContent !== sentence) box.querySelector("span").textContent = sentence;
  box.querySelector("a").hidden = next !== "out";
}

line.addEventListener("state", ({ detail }) => ((linked = detail), show()));
document.addEventListener("desk:state", show);
document.addEventListener("desk:outbox", ({ detail }) => {
  if (detail.out) out = true;
  else if (detail.answer) out = false;
  show();
});

export const open = () => draw(shown || now());
