// A long thread in a small page: fifty rows at a time are fetched near the ends, the far end is let go.
import { fetchJson } from "desk/http";
import { entries, feed, find, parse, tidy } from "desk/rowset";
import { keep, pin, room, toEnd } from "desk/scroll";

const MOST = 300;
const NEAR = 1200;
let url = "";
let before = "";
let after = "";
let busy = null;
let opened = 0;

export const isTail = () => !after;
const cursor = (row) => `${row.dataset.at},${row.dataset.key.split(":")[1]}`;
const changed = (page) => document.dispatchEvent(new CustomEvent("desk:paged", { detail: page }));

export function begin(thread) {
  ({ rows: url, before = "", after = "" } = thread.dataset);
  busy = null;
  opened++;
  show();
}

function show() {
  document.getElementById("earlier").hidden = !before;
  document.getElementById("later").hidden = !after;
}

async function fetched(query) {
  const asked = opened;
  feed().setAttribute("aria-busy", "true");
  try {
    const page = await fetchJson(`${url}?${new URLSearchParams(query)}`);
    if (page.reset) location.reload();
    return asked === opened && !page.reset ? page : null;
  } finally {
    feed()?.removeAttribute("aria-busy");
  }
}

function put(page, place) {
  const fresh = parse(page.html);
  for (const row of fresh.querySelectorAll("[data-key]")) find(row.dataset.key)?.remove();
  window.htmx?.process(fresh);
  if (place === "whole") feed().replaceChildren(fresh);
  else feed()[place](fresh);
  if (place === "whole") tidy();
}

// A fold may hold more than one row, so what is let go is counted in rows, taken in folds.
function trim(last) {
  let count = entries().length;
  while (count > MOST) {
    const one = last ? feed().lastElementChild : feed().firstElementChild;
    count -= one.matches("[data-key]") ? 1 : one.querySelectorAll("[data-key]").length;
    one.remove();
  }
}

async function load(way) {
  const page = await fetched({ [way]: way === "before" ? before : after });
  if (!page) return;
  const seam = way === "before" ? entries()[0] : null;
  const last = entries().at(-1);
  keep(() => {
    put(page, way === "before" ? "prepend" : "append");
    tidy();
    trim(way === "before");
  }, false);
  const all = entries();
  if (way === "before") [before, after] = [page.before, all.at(-1) === last ? after : cursor(all.at(-1))];
  else [before, after] = [all[0] === seam || !all.length ? before : cursor(all[0]), page.after];
  show();
  changed(page);
}

export function more(way) {
  if (busy || !feed()) return busy;
  const mine = (busy = load(way)
    .catch(() => new Promise((done) => setTimeout(done, 2000)))
    .finally(() => {
      if (busy === mine) busy = null;
      requestAnimationFrame(near);
    }));
  return mine;
}

export function near() {
  if (busy || !feed()) return;
  const { above, below } = room();
  if (before && above < NEAR) more("before");
  else if (after && below < NEAR) more("after");
}

async function jump(query) {
  const page = await fetched(query);
  if (!page) return null;
  busy = null;
  opened++;
  put(page, "whole");
  ({ before, after } = page);
  show();
  return page;
}

export async function toFirst() {
  if (before) {
    const page = await jump({ first: "" });
    if (!page) return;
    changed(page);
  }
  pin(entries().at.bind(entries(), 0), "start");
}

export async function toNewest() {
  if (after) {
    const page = await jump({});
    if (!page) return;
    toEnd();
    changed(page);
  }
  toEnd();
}

export async function toEntry(pk) {
  if (!find(`entry:${pk}`)) {
    const page = await jump({ entry: pk });
    if (!page) return;
    changed(page);
  }
  pin(() => find(`entry:${pk}`));
}
