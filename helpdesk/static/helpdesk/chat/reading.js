// Which answers the visitor has had on screen: the panel open, the page in sight, the row inside the thread.
import { find } from "chat/page";
import * as line from "chat/line";
import { site, tell } from "chat/site";
import { stash } from "chat/stash";
import { ask, visitor } from "chat/visitor";

const unseen = new Map(); // row → rev
let timer = 0;
let told = 0;
let top = 0; // the highest rev of an answer
let changed = () => {};

export const onUnseen = (does) => (changed = does);
export const count = () => unseen.size;
export const firstUnseen = () => unseen.keys().next().value ?? null;
export const inSight = () => site.open && !document.hidden;

const watcher = new IntersectionObserver((found) => {
  if (!inSight()) return;
  for (const { target, isIntersecting } of found) if (isIntersecting) drop(target);
  settle();
});

function drop(row) {
  unseen.delete(row);
  watcher.unobserve(row);
}

export function add(row, rev) {
  top = Math.max(top, rev);
  if (rev <= visitor.seen) return;
  unseen.set(row, rev);
  watcher.observe(row);
}

export function settle() {
  const least = Math.min(...unseen.values());
  const seen = unseen.size ? least - 1 : top;
  if (seen > visitor.seen && inSight()) {
    visitor.seen = seen;
    stash.set("seen", seen);
    clearTimeout(timer);
    timer = setTimeout(report, 300);
  }
  tell({ is: "unread", count: unseen.size });
  changed(unseen.size);
}

async function report() {
  const rev = visitor.seen;
  if (rev <= told) return;
  told = rev;
  if (!line.send({ do: "seen", rev })) await ask("seen/", { body: { rev } }).catch(() => (told = 0));
}

// Another tab of the same visitor showed them.
export function elsewhere() {
  visitor.seen = Math.max(visitor.seen, stash.get("seen") ?? 0);
  for (const [row, rev] of unseen) if (rev <= visitor.seen) drop(row);
  settle();
}

// The panel opened or the page came into sight: look again at what is there.
export function look() {
  for (const row of unseen.keys()) {
    watcher.unobserve(row);
    watcher.observe(row);
  }
}

export function forget() {
  watcher.disconnect();
  unseen.clear();
  told = top = 0;
  settle();
}
