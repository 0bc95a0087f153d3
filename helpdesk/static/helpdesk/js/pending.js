// Own messages on their way, at the foot of the thread: shown the moment they are sent, replaced by the real
// entry, kept with a way on when something stopped them.
import { bringBack } from "desk/composer";
import { catchUp, place } from "desk/live";
import { items, remove, retry, run } from "desk/outbox";
import { isTail, toNewest } from "desk/pages";
import { divide, entries, find } from "desk/rowset";
import { frame, keep, pin, toEnd } from "desk/scroll";
import { seenHead } from "desk/seen";
import { isLive, line } from "desk/socket";
import { words } from "desk/words";

const UNSEEN = 10_000;
const accepted = new Map(); // token → key of the entry or held reply it became
const outgoing = () => document.getElementById("outgoing");
const nodeOf = (token) => outgoing()?.querySelector(`[data-token="${CSS.escape(token)}"]`);

function state(item) {
  if (item.state === "waiting") return isLive() && navigator.onLine ? words.sending : words.waits;
  return item.problem || words.failed;
}

// Which ways on are offered: [what it is called, what it does].
function ways(item) {
  if (item.state === "waiting") return item.tried || navigator.onLine ? [] : [["edit", words.edit]];
  if (item.state === "stale_context") return [["edit", words.edit], ["anyway", words.anyway]];
  if (item.state === "claimed_address") return [["edit", words.edit], ["confirmed", words.anyway]];
  return [["edit", words.edit], ["again", words.again]];
}

function draw(item) {
  const node = document.getElementById("pending-row").content.firstElementChild.cloneNode(true);
  const message = node.querySelector(".message");
  node.dataset.token = item.token;
  node.classList.toggle("stopped", item.state !== "waiting");
  message.classList.replace("out", item.mode === "note" ? "note" : "out");
  node.querySelector("[data-note]").hidden = item.mode !== "note";
  node.querySelector("time").textContent = new Date(item.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  node.querySelector(".text").textContent = item.text;
  node.querySelector("[data-names]").textContent = item.files.join(", ");
  node.querySelector("[data-state]").textContent = state(item);
  for (const [action, label] of ways(item)) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "button small", textContent: label });
    button.dataset.pending = action;
    node.querySelector("[data-ways]").append(button);
  }
  if (item.state !== "waiting") {
    const box = node.querySelector("[data-box]");
    box.id = "problem";
    box.setAttribute("role", "alert");
  }
  return node;
}

export function paint() {
  if (!outgoing()) return;
  const mine = items().filter((item) => item.conversation === place.id && !accepted.has(item.token));
  keep(() => {
    const drawn = new Set(mine.map((item) => item.token));
    for (const node of outgoing().querySelectorAll("[data-token]")) if (!drawn.has(node.dataset.token) && !accepted.has(node.dataset.token)) node.remove();
    for (const item of mine) {
      const [old, fresh] = [nodeOf(item.token), draw(item)];
      if (old?.isEqualNode(fresh)) continue;
      if (old) old.replaceWith(fresh);
      else outgoing().append(fresh);
    }
  });
  markBetween(mine);
  document.dispatchEvent(new CustomEvent("desk:state"));
}

// What came in while it was written stands between what its author had read and what they wrote.
function markBetween(mine) {
  const newer = new Set(mine.flatMap((item) => item.newer ?? []));
  for (const row of entries()) row.classList.toggle("between", newer.has(row.dataset.key));
  divide("between", entries().find((row) => newer.has(row.dataset.key)), words.between, "warn");
}

async function stopped(item) {
  await catchUp();
  if (!isTail()) await toNewest();
  paint();
  // Both ends of the difference, where they fit; else what came in.
  const { top, bottom } = frame();
  const line = document.getElementById("between");
  const height = nodeOf(item.token)?.getBoundingClientRect().bottom - (line?.getBoundingClientRect().top ?? Infinity);
  if (line && height > bottom - top) pin(() => document.getElementById("between"), "start");
  else if (nodeOf(item.token)) pin(() => nodeOf(item.token), "end");
}

function told({ token, item, answer }) {
  if (answer) {
    accepted.set(token, answer.entry ? `entry:${answer.entry}` : answer.held ? `held:${answer.held}` : "");
    place.highest = Math.max(place.highest, answer.head ?? 0);
    setTimeout(() => settle(token), UNSEEN);
    catchUp().then(() => settle(token, true));
  } else if (token && !item) {
    const kept = items().find((one) => one.token === token);
    if (kept && kept.state !== "waiting" && kept.conversation === place.id) stopped(kept);
  }
  paint();
}

// The real entry is there: the copy goes in the same frame.
function settle(token, onlyIfShown = false) {
  if (onlyIfShown && accepted.get(token) && !find(accepted.get(token)) && isTail()) return;
  accepted.delete(token);
  nodeOf(token)?.remove();
}

function arriving(rows) {
  for (const { key, token } of rows) {
    for (const [known, made] of accepted) if (made === key) settle(known);
    if (!token || !items().some((item) => item.token === token)) continue;
    // It is here before the desk has answered that it took it.
    accepted.set(token, key);
    nodeOf(token)?.remove();
  }
}

// What stopped one may arrive after the refusal did.
function arrived() {
  const stopping = items().filter((item) => item.conversation === place.id && item.newer?.length);
  if (stopping.length) keep(() => markBetween(stopping));
}

const DO = {
  edit: (item) => bringBack(item) && remove(item.token),
  again: (item) => retry(item.token, { seen: String(Math.max(seenHead(), place.head)) }),
  anyway: (item) => retry(item.token, { action: `anyway${then(item)}`, seen: String(item.head) }),
  confirmed: (item) => retry(item.token, { action: `confirmed${then(item)}` }),
};
const then = (item) => (/\+resolve$/.test(new Map(item.fields).get("action") ?? "") ? "+resolve" : "");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pending]");
  const token = button?.closest("[data-token]").dataset.token;
  const item = items().find((one) => one.token === token);
  if (item) DO[button.dataset.pending](item);
});
document.addEventListener("desk:outbox", ({ detail }) => told(detail));
document.addEventListener("desk:arriving", ({ detail }) => arriving(detail));
document.addEventListener("desk:arrived", arrived);
document.addEventListener("desk:paged", paint);
document.addEventListener("desk:sent", () => (isTail() ? toEnd() : toNewest()));
line.addEventListener("state", paint);

export function open() {
  accepted.clear();
  paint();
  run(true);
}
