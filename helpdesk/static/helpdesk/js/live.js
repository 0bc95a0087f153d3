// The open conversation keeps itself true: a doorbell names a head, the catch-up address tells what changed
// up to it, and rows made by the partials of the page are put in by key.
import { fetchJson } from "desk/http";
import * as pages from "desk/pages";
import { go } from "desk/places";
import { at, entries, find, insert, moment, parse, replace, tidy } from "desk/rowset";
import { begin as beginScroll, keep, pin } from "desk/scroll";
import { isLive, line, unwatch, watch } from "desk/socket";

export const place = { id: 0, head: 0, highest: 0, address: "", ticket: 0 };
const SAFETY = 60_000;
const EVERY = 5000;
let running = null;
let timer = 0;
let failures = 0;
let visit = 0;

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
export const isBehind = () => Boolean(place.id) && (place.head < place.highest || failures > 0);

// What comes besides entries, and where a new one of it belongs.
const HOMES = { hidden: ["hidden", "append"], offer: ["offers", "append"], promise: ["promises", "append"], held: ["held", "append"], identity: ["identities", "append"], matter: ["matters", "prepend"] };

function put({ key, html, at: when, name }) {
  if (key === "customer") return rename(name);
  const old = find(key);
  const fresh = html ? parse(html).firstElementChild : null;
  if (!fresh) return void old?.remove();
  const [kind, number] = key.split(":");
  if (kind === "matter") nameMatter(number, fresh.querySelector(".truncate").textContent);
  let added = false;
  if (old) {
    if (!replace(old, fresh)) return;
  } else if (kind === "entry") {
    fresh.dataset.at = when;
    added = insert(fresh, pages.isTail());
    if (!added) return { key, html, when, outside: true };
    fresh.classList.add("fresh");
  } else {
    const [id, how] = HOMES[kind] ?? [];
    if (!document.getElementById(id)) return;
    document.getElementById(id)[how](fresh);
  }
  if (kind === "promise") byDue();
  window.htmx?.process(fresh);
  return added ? { key, row: fresh } : undefined;
}

// What is due first stands first; what stands right is left alone, with the focus in it.
function byDue() {
  const home = document.getElementById("promises");
  const wanted = [...home.children].sort((one, other) => one.dataset.due - other.dataset.due || one.dataset.key.localeCompare(other.dataset.key, undefined, { numeric: true }));
  if (wanted.some((one, place) => home.children[place] !== one)) home.append(...wanted);
}

function rename(name) {
  for (const one of document.querySelectorAll("[data-customer-name]")) one.textContent = name;
  const field = document.getElementById("customer-name");
  if (field && field !== document.activeElement) field.value = name;
}

function nameMatter(number, name) {
  for (const link of document.querySelectorAll(`#feed .matter-line a[href*="ticket=${number}&"]`)) if (link.textContent !== name) link.textContent = name;
}

function apply({ head, rows }) {
  const added = [];
  const newest = entries().at(-1);
  const edge = newest ? at(newest) : 0;
  tell("desk:arriving", rows);
  keep(() => {
    for (const told of rows) {
      const done = put(told);
      // Older rows that changed outside of what is loaded will come with their page.
      if (done && (done.row || moment(done.when) > edge)) added.push({ ...done, mine: told.mine });
    }
    tidy();
  });
  document.getElementById("nothing")?.remove();
  tell("desk:arrived", { head, rows, added });
}

async function ask() {
  const asked = visit;
  for (let idle = 0; idle < 5; ) {
    const from = place.head;
    const changes = await fetchJson(`${place.address}?rev=${from}&ticket=${place.ticket}`);
    if (asked !== visit) return;
    if (changes.reset) return renew();
    const moved = changes.head !== from;
    if (moved) apply(changes);
    // Older rows came in between: once more, from their head.
    if (place.head === from) place.head = changes.head;
    place.highest = Math.max(place.highest, place.head);
    if (!changes.more && place.head >= place.highest) return;
    if (!moved) await new Promise((done) => setTimeout(done, 100 * ++idle));
  }
  place.highest = place.head;
}

// Joined with another customer, or parted again: the whole is read anew, and who is writing writes on.
async function renew() {
  const writing = document.activeElement;
  const caret = [writing.selectionStart, writing.selectionEnd];
  await go(location.href, { push: false });
  const again = writing.isConnected || !writing.id ? null : document.getElementById(writing.id);
  again?.focus({ preventScroll: true });
  if (caret[0] !== undefined) again?.setSelectionRange?.(...caret);
}

export function reload() {
  tell("desk:leaving");
  setTimeout(() => location.reload(), 300);
}

export function catchUp() {
  if (!place.id) return Promise.resolve();
  running ??= ask()
    .then(() => (failures = 0))
    .catch(failed)
    .finally(() => {
      running = null;
      document.documentElement.dataset.head = place.head;
      tell("desk:state");
      schedule();
    });
  return running;
}

function failed({ status }) {
  if (status === 403 || status === 404) return reload();
  if (status === 401) return;
  failures++;
}

// Bells come by the line; without it the page asks by itself, and rarely even with it.
function schedule() {
  clearTimeout(timer);
  const wait = failures ? Math.min(SAFETY, 1000 * 2 ** failures) : isLive() ? SAFETY : EVERY;
  timer = setTimeout(() => (document.hidden && !isLive() ? schedule() : catchUp()), wait * (0.8 + Math.random() * 0.4));
}

function heard({ conversation, head }) {
  if (conversation !== place.id || head <= place.highest) return;
  place.highest = head;
  tell("desk:state");
  (running ?? Promise.resolve()).then(() => place.head < place.highest && catchUp());
}

export function open() {
  const thread = document.getElementById("thread");
  const id = Number(thread?.dataset.conversation ?? 0);
  if (place.id && place.id !== id) unwatch(place.id);
  failures = 0;
  visit++;
  const head = Number(thread?.dataset.head ?? 0);
  document.documentElement.dataset.head = head;
  Object.assign(place, { id, head, highest: head, address: thread?.dataset.since ?? "", ticket: thread?.dataset.ticket ?? 0 });
  running = null;
  clearTimeout(timer);
  if (!thread) return;
  beginScroll(() => tell("desk:scrolled"));
  pages.begin(thread);
  watch(id, () => place.head);
  const wanted = thread.querySelector(".is-target") ?? (/^#entry-\d+$/.test(location.hash) ? document.querySelector(location.hash) : null);
  if (wanted) pin(() => find(wanted.dataset.key));
  schedule();
}

line.addEventListener("bell", (event) => heard(event.detail));
// Watching again answers with a bell where anything was missed.
line.addEventListener("up", () => failures && catchUp());
line.addEventListener("wake", catchUp);
line.addEventListener("gone", (event) => event.detail.conversation === place.id && reload());
document.addEventListener("desk:changed", () => (running ?? Promise.resolve()).then(catchUp));
document.addEventListener("desk:scrolled", pages.near);
// Rows drawn at an earlier head than ours are caught up once more from there.
document.addEventListener("desk:paged", ({ detail }) => {
  if (detail.head >= place.head) return;
  place.head = detail.head;
  catchUp();
});
// A quoted message that is on the page is shown in its place; one that isn't has a page of its own.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.quoted");
  const row = link && find(`entry:${link.dataset.entry}`);
  if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  for (const one of document.querySelectorAll("#thread .is-target")) one.classList.remove("is-target");
  row.classList.add("is-target");
  row.scrollIntoView({ block: "center" });
  row.querySelector(".message-time")?.focus({ preventScroll: true });
});
