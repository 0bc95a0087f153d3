// Who else is here: colleagues who look at the conversation or write in it, and the customer. Nothing of it is
// stored anywhere; what isn't said again is forgotten.
import { composer, text } from "desk/drafts";
import { place } from "desk/live";
import { line, send } from "desk/socket";
import { words } from "desk/words";

const VIEWING = 60_000;
const TYPING = 5000;
const here = new Map(); // agent → {name, viewing, typing, seen, typed}
let customer = { here: false, typing: 0 };
let lastSaid = 0;
let typing = null;
let stopTimer = 0;

const initials = (name) => {
  const parts = name.trim().split(/\s+/);
  return (parts.length > 1 ? parts[0][0] + parts.at(-1)[0] : name.slice(0, 2)).toUpperCase();
};

function heard({ conversation, agent, name, viewing, typing: how }) {
  if (conversation !== place.id) return;
  const now = Date.now();
  if (!viewing && !how) here.delete(agent);
  else here.set(agent, { name, viewing, typing: how, seen: now, typed: how ? now : 0 });
  draw();
}

export const isOnSite = () => customer.here;

function forget() {
  const now = Date.now();
  for (const [agent, one] of here) {
    if (now - one.seen > VIEWING) here.delete(agent);
    else if (one.typing && now - one.typed > TYPING) one.typing = "";
  }
  if (now - customer.typing > TYPING) customer.typing = 0;
}

function avatar({ name, typing: how }) {
  const one = document.createElement("li");
  one.className = how ? "avatar typing" : "avatar";
  one.title = (how === "note" ? words.noting : how ? words.replying : words.viewing).replace("%s", name);
  const letters = document.createElement("span");
  letters.setAttribute("aria-hidden", "true");
  letters.textContent = initials(name);
  const label = document.createElement("span");
  label.className = "visually-hidden";
  label.textContent = one.title;
  one.append(letters, label);
  return one;
}

function draw() {
  forget();
  const list = document.getElementById("people");
  if (!list) return;
  const shown = [...here.values()].map(avatar);
  if (shown.length !== list.children.length || shown.some((one, n) => !one.isEqualNode(list.children[n]))) list.replaceChildren(...shown);
  const writer = [...here.values()].find((one) => one.typing);
  put("someone", writer ? (writer.typing === "note" ? words.noting : words.replying).replace("%s", writer.name) : "");
  put("on-site", customer.here ? words.onSite : "");
  put("customer-types", customer.typing ? words.customerTypes : "");
}

function put(id, sentence) {
  const node = document.getElementById(id);
  if (!node) return;
  const label = node.lastElementChild;
  if (label.textContent !== sentence) label.textContent = sentence;
  node.hidden = !sentence;
}

function customerIs({ conversation, here: isHere, typing: types }) {
  if (conversation !== place.id) return;
  const moved = customer.here !== isHere;
  customer = { here: isHere, typing: types ? Date.now() : 0 };
  draw();
  if (moved) document.dispatchEvent(new CustomEvent("desk:customer"));
}

// Own typing is told at most once a second, and that it stopped.
function typed(form) {
  const on = Boolean(text(form).value.trim());
  clearTimeout(stopTimer);
  if (!on) return stopped();
  stopTimer = setTimeout(stopped, TYPING - 1000);
  if (typing?.mode === form.dataset.mode && Date.now() - lastSaid < 1000) return;
  typing = { conversation: place.id, mode: form.dataset.mode };
  lastSaid = Date.now();
  send({ do: "typing", ...typing, on: true });
}

function stopped() {
  clearTimeout(stopTimer);
  if (typing) send({ do: "typing", ...typing, on: false });
  typing = null;
}

export function open() {
  here.clear();
  customer = { here: false, typing: 0 };
  draw();
}

line.addEventListener("people", (event) => heard(event.detail));
line.addEventListener("customer", (event) => customerIs(event.detail));
document.addEventListener("input", (event) => {
  const form = event.target.matches?.("[data-text]") && composer()?.contains(event.target) ? event.target.closest("form") : null;
  if (form) typed(form);
});
document.addEventListener("desk:sent", stopped);
document.addEventListener("desk:leaving", stopped);
setInterval(draw, 1000);
