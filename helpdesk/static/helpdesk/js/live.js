// The open conversation keeps itself fresh from one catch-up address: rows made by the partials of the
// page are patched in by key. Focus, composer and scroll stay where they are. The head the composer sends
// ("seen") moves only when what came has been on screen.
const thread = document.querySelector("[data-since]");
const words = document.getElementById("words").dataset;
const EVERY = 5000;
const SLOWEST = 60000;

let head = Number(thread?.dataset.head);
let wait = EVERY;
let timer = 0;
let running = null;
const unread = []; // [{head, rows: Set}] in order; the first without rows has been seen

const feed = document.getElementById("feed");
const below = document.getElementById("below");
const atEnd = () => Math.abs(thread.scrollTop) < 100 || thread.scrollHeight <= thread.clientHeight;

function parse(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

function sayLive(on) {
  const state = document.getElementById("live");
  if (!state) return;
  if (state.classList.contains("off") && on) state.textContent = words.online;
  else if (!on) state.textContent = words.offline;
  else if (state.textContent === words.online) state.textContent = "";
  state.classList.toggle("off", !on);
}

// A row says its day and matter only where the row before it says another.
function trim(row) {
  const before = row.previousElementSibling?.closest("[data-key]") ?? row.previousElementSibling?.querySelector("[data-key]:last-child");
  const day = row.querySelector(":scope > .day");
  const matter = row.querySelector(":scope > .matter-line");
  if (day) day.hidden = before?.dataset.day === row.dataset.day;
  if (matter) matter.hidden = before?.dataset.matter === row.dataset.matter;
}

function put(found, key) {
  const old = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!found) return void old?.remove();
  if (old) {
    if (old.contains(document.activeElement) && document.activeElement.matches("input,textarea,select")) return;
    for (const details of old.querySelectorAll("details[open]")) {
      const same = [...found.querySelectorAll("details")].find((one) => one.className === details.className);
      if (same) same.open = true;
    }
    for (const line of [".day", ".matter-line"]) {
      const was = old.querySelector(`:scope > ${line}`);
      const now = found.querySelector(`:scope > ${line}`);
      if (now) now.hidden = was ? was.hidden : true;
    }
    if (old.matches(".fold .item")) found.classList.add("in-fold");
    old.replaceWith(found);
  } else if (key.startsWith("entry:")) {
    if (!("tail" in thread.dataset)) return;
    feed.append(found);
    trim(found);
    found.classList.add("fresh");
    return found;
  } else if (key.startsWith("held:")) document.getElementById("held").append(found);
  else if (key.startsWith("identity:")) document.getElementById("identities")?.append(found);
  else if (key.startsWith("matter:")) document.getElementById("matters")?.prepend(found);
  else return;
  return old ? undefined : found;
}

function isOnScreen(row) {
  if (document.hidden) return false;
  const box = row.getBoundingClientRect();
  const frame = thread.getBoundingClientRect();
  const top = Math.max(0, frame.top), bottom = Math.min(innerHeight, frame.bottom);
  return box.top < bottom && box.bottom > top;
}

function see() {
  let seen = 0;
  for (const batch of unread) for (const row of batch.rows) if (!row.isConnected || isOnScreen(row)) batch.rows.delete(row);
  while (unread.length && !unread[0].rows.size) seen = unread.shift().head;
  below.hidden = !unread.length || !unread.some((batch) => batch.rows.size);
  if (seen) for (const field of document.querySelectorAll("[data-seen]")) field.value = Math.max(seen, Number(field.value));
}

function apply({ head: now, rows }) {
  const stick = atEnd();
  const added = new Set();
  for (const { key, html, mine } of rows) {
    const row = html ? parse(html) : null;
    const fresh = put(row, key);
    if (row?.isConnected) window.htmx?.process(row);
    if (fresh && key.startsWith("entry:")) {
      added.add(fresh);
      if (mine) requestAnimationFrame(() => fresh.scrollIntoView({ block: "nearest" }));
    }
  }
  if (stick && added.size) thread.scrollTop = getComputedStyle(thread).flexDirection === "column-reverse" ? 0 : thread.scrollHeight;
  unread.push({ head: now, rows: added });
  requestAnimationFrame(see);
  const heard = [...added].findLast((row) => row.querySelector(".message.in"));
  if (heard) say(words.newMessage.replace("%s", heard.querySelector("b").textContent));
}

function say(text) {
  const region = document.getElementById("live");
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = text));
  setTimeout(() => region.textContent === text && (region.textContent = ""), 6000);
}

async function ask() {
  const answer = await fetch(`${thread.dataset.since}?rev=${head}`, { headers: { Accept: "application/json" } });
  if (answer.status === 403 || answer.status === 404 || answer.redirected) return location.reload();
  if (!answer.ok) throw new Error(answer.status);
  const changes = await answer.json();
  if (changes.reset) {
    document.dispatchEvent(new CustomEvent("desk:leaving"));
    return void setTimeout(() => location.reload(), 300);
  }
  const moved = changes.head !== head;
  head = changes.head;
  if (moved) apply(changes);
  if (changes.more) await ask();
}

export function catchUp() {
  running ??= ask()
    .then(() => ((wait = EVERY), sayLive(true)))
    .catch(() => ((wait = Math.min(wait * 2, SLOWEST)), sayLive(false)))
    .finally(() => {
      running = null;
      clearTimeout(timer);
      timer = setTimeout(() => !document.hidden && catchUp(), wait * (0.8 + Math.random() * 0.4));
    });
  return running;
}

if (thread) {
  const target = thread.querySelector(".is-target") ?? (location.hash.startsWith("#entry-") && document.querySelector(location.hash));
  target?.scrollIntoView?.({ block: "center" });
  if (!target && matchMedia("(max-width:51.99rem)").matches) document.getElementById("end").scrollIntoView();
  thread.addEventListener("scroll", see, { passive: true });
  addEventListener("scroll", see, { passive: true });
  below.addEventListener("click", () => document.getElementById("end").scrollIntoView({ block: "end" }));
  document.addEventListener("visibilitychange", () => document.hidden || catchUp().then(see));
  document.addEventListener("desk:changed", () => (running ?? Promise.resolve()).then(catchUp));
  addEventListener("online", catchUp);
  timer = setTimeout(catchUp, EVERY);
}
