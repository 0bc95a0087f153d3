// Times that move: "4m ago", "Reply due 4m", the countdown of a reply that waits.
// The server is the truth; this only keeps what it said from going stale.
const words = document.getElementById("words").dataset;
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
  if (pill.dataset.kind !== "respond") return;
  const left = (Date.parse(pill.dataset.deadline) - Date.now()) / 1000;
  const label = pill.querySelector("span");
  label.textContent = (left < 0 ? words.late : "short" in pill.dataset ? words.dueShort : words.due).replace("%s", span(Math.abs(left)));
  pill.classList.toggle("bad", left < 0);
  pill.classList.toggle("warn", left >= 0 && left < 1800);
  pill.classList.toggle("quiet", left >= 1800);
}

function tickRelease(label) {
  const left = Math.ceil((Date.parse(label.dataset.release) - Date.now()) / 1000);
  if (left > 0) label.textContent = words.sends.replace("%s", left);
}

export function tick() {
  document.querySelectorAll("time[data-ago]").forEach(tickAgo);
  document.querySelectorAll("[data-deadline]").forEach(tickDeadline);
}

tick();
setInterval(tick, 30000);
setInterval(() => document.querySelectorAll("[data-release]").forEach(tickRelease), 1000);
