// Calls that ring for the one who looks, as cards in the corner: they say who it is and take no focus. Bells say that
// something rings or stopped; as they may be lost, the heartbeat asks, too. And the note of a call: what is typed
// stays in this tab until it was sent.
import { asking } from "desk/asking";
import { fetchJson } from "desk/http";
import { line } from "desk/socket";

const SECOND = 1000;
const RINGS_FOR = 120 * SECOND;
let over = 0;
let shown = "";

async function ask() {
  const place = document.getElementById("ringing");
  if (!place) return;
  const { html } = await fetchJson(place.dataset.ringing);
  if (shown !== html) place.innerHTML = shown = html;
  clearTimeout(over);
  // One whose end was never told goes by itself.
  if (html) over = setTimeout(want, RINGS_FOR);
}

const want = asking(ask, SECOND / 4);

line.addEventListener("row", ({ detail }) => detail.called && want());
for (const name of ["up", "wake", "beat"]) line.addEventListener(name, want);

const form = document.getElementById("call-note");
const KEPT = "call-note";
const SENT = "call-note-sent";
const key = `${KEPT}:${location.pathname}${location.search}`;
const typed = () => [...form.querySelectorAll("input:is([type=text],[type=url],[type=datetime-local]),textarea")];

if (form) {
  const kept = JSON.parse(sessionStorage.getItem(key) ?? "{}");
  for (const field of typed()) if (kept[field.name] && !field.value) field.value = kept[field.name];
  form.addEventListener("input", () => {
    sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(typed().map((field) => [field.name, field.value]))));
  });
  form.addEventListener("submit", () => sessionStorage.setItem(SENT, key));
} else if (sessionStorage.getItem(SENT)) {
  sessionStorage.removeItem(sessionStorage.getItem(SENT));
  sessionStorage.removeItem(SENT);
}

document.addEventListener("keydown", (event) => {
  const button = event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form?.querySelector("[data-submit]");
  if (button) (event.preventDefault(), button.click());
});
