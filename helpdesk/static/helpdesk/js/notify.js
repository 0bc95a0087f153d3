// New work is told three ways, none of which takes the focus: a number in the title, one quiet sound, and a
// polite line for screen readers.
import { place } from "desk/live";
import { words } from "desk/words";

const STORE = "desk-sound";
const APART = 3000;
const isOff = () => localStorage.getItem(STORE) === "off";
let title = document.title;
let audio = null;
let sayTimer = 0;

export function say(text) {
  const region = document.getElementById("say");
  if (!region) return;
  region.textContent = "";
  clearTimeout(sayTimer);
  requestAnimationFrame(() => (region.textContent = text));
  sayTimer = setTimeout(() => (region.textContent = ""), 6000);
}

function count() {
  const unread = document.querySelectorAll("#rows .unread").length;
  document.title = unread ? `(${unread}) ${title}` : title;
}

export function open() {
  title = document.title.replace(/^\(\d+\) /, "");
  count();
}

// One for all tabs, and never more than one in three seconds.
function blip() {
  const last = Number(localStorage.getItem("desk-blip") ?? 0);
  if (isOff() || Date.now() - last < APART) return;
  localStorage.setItem("desk-blip", Date.now());
  document.dispatchEvent(new CustomEvent("desk:blip"));
  audio ??= new AudioContext();
  if (audio.state === "suspended") return void audio.resume();
  const [tone, volume, now] = [audio.createOscillator(), audio.createGain(), audio.currentTime];
  tone.frequency.setValueAtTime(660, now);
  tone.frequency.setValueAtTime(880, now + 0.09);
  volume.gain.setValueAtTime(0.0001, now);
  volume.gain.exponentialRampToValueAtTime(0.06, now + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, now + 0.25);
  tone.connect(volume).connect(audio.destination);
  tone.start(now);
  tone.stop(now + 0.3);
}

const isOpenHere = (row) => !document.hidden && place.id && row.querySelector("a").pathname === `/conversations/${place.id}/`;

function came(rows) {
  count();
  const fresh = rows.filter((row) => !isOpenHere(row));
  if (!fresh.length) return;
  const name = fresh[0].querySelector(".list-name").textContent;
  say(fresh.length > 1 ? words.newWork.replace("%s", fresh.length) : words.newMessage.replace("%s", name));
  blip();
}

function heard({ added }) {
  const message = added.findLast(({ row, html }) => (row ? row.querySelector(".message.in") : html.includes("message in")));
  if (!message) return;
  say(words.newMessage.replace("%s", document.querySelector(".thread-head h1").textContent));
  if (document.hidden) blip();
}

function offered({ count }) {
  say(words.newOffer.replace("%s", count));
  blip();
}

function pressing({ count }) {
  say(words.pressing.replace("%s", count));
  blip();
}

function shift({ count }) {
  say(words.shift.replace("%s", count));
  blip();
}

function showSwitch() {
  for (const one of document.querySelectorAll("[data-sound]")) one.setAttribute("aria-pressed", String(!isOff()));
}

document.addEventListener("desk:rows", ({ detail }) => came(detail.came));
document.addEventListener("desk:arrived", ({ detail }) => heard(detail));
document.addEventListener("desk:offered", ({ detail }) => offered(detail));
document.addEventListener("desk:pressing", ({ detail }) => pressing(detail));
document.addEventListener("desk:shift", ({ detail }) => shift(detail));
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-sound]")) return;
  localStorage.setItem(STORE, isOff() ? "on" : "off");
  showSwitch();
  if (!isOff()) blip();
});
document.addEventListener("desk:opened", showSwitch);
showSwitch();
