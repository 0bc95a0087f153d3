// Times that move: "4m ago", "Reply due 4m", the countdown of a reply that waits.
// The server is the truth; this only keeps what it said from going stale.
import { words } from "desk/words";
const units = [[86400 * 2, 86400, "d"], [3600, 3600, "h"], [0, 60, "m"]];

function span(seconds) {
  const [, size, unit] = units.find(([from]) => seconds >= from);
  return `${Math.max(1, Math.floor(seconds / size))}${unit}`;
}

function tickAgo(time) {
  const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
  time.textContent = seconds < 60 ? words.now : span(seconds);
}

function tickDeadline(pill) {
  const isPromise = pill.dataset.kind === "promise";
  if (pill.dataset.kind !== "respond" && !isPromise) return;
  const left = (Date.parse(pill.dataset.deadline) - Date.now()) / 1000;
  const label = pill.querySelector("span");
  const due = "short" in pill.dataset ? words.dueShort : words.due;
  const [late, soon] = isPromise ? [words.promiseLate, words.promiseDue] : [words.late, due];
  label.textContent = (left < 0 ? late : soon).replace("%s", span(Math.abs(left)));
  pill.classList.toggle("bad", left < 0);
  pill.classList.toggle("warn", left >= 0 && left < 1800);
  pill.classList.toggle("quiet", left >= 1800);
}

function tickRelease(label) {
  const left = Math.ceil((Date.parse(label.dataset.release) - Date.now()) / 1000);
  if (left > 0) label.textContent = words.sends.replace("%s", left);
}

// "In an hour" counts from when it is chosen, not from when the page was drawn.
function tickFromNow(button) {
  const then = new Date(Date.now() + button.dataset.in * 60_000);
  const [hour, minute] = [then.getHours(), then.getMinutes()].map((one) => String(one).padStart(2, "0"));
  const day = [then.getFullYear(), then.getMonth() + 1, then.getDate()].map((one) => String(one).padStart(2, "0"));
  button.value = `${day.join("-")}T${hour}:${minute}`;
  button.querySelector(".meta").textContent = `${hour}:${minute}`;
}

export function tick() {
  document.querySelectorAll("time[data-ago]").forEach(tickAgo);
  document.querySelectorAll("[data-deadline]").forEach(tickDeadline);
}

document.addEventListener("toggle", ({ target }) => target.open && target.querySelectorAll("[data-in]").forEach(tickFromNow), true);
tick();
setInterval(tick, 30000);
setInterval(() => document.querySelectorAll("[data-release]").forEach(tickRelease), 1000);
