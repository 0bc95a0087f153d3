// From one conversation to the next without loading the page anew: the list stays, its line to the desk stays,
// what is in the middle is replaced. Every link works without this, too.
const KEEP = 8000;
const HOVER = 80;
const fetched = new Map(); // list and address → {at, answer}
let hovering = 0;
let going = 0;
let here = location.pathname + location.search;

const isOurs = (url) => url.origin === location.origin && /^\/(conversations\/\d+\/|desk\/\w+\/\w+\/)$/.test(url.pathname);

function linkOf(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return null;
  const url = new URL(link.href);
  return isOurs(url) ? url : null;
}

// The list that is shown stays: a page that comes with the same one need not bring its rows.
const listed = () => document.querySelector(".list-pane #rows")?.dataset.rows ?? "";
const slot = (address) => `${listed()} ${address}`;

async function page(address) {
  const known = fetched.get(slot(address));
  if (known && Date.now() - known.at < KEEP) return known.answer;
  const answer = fetch(address, { headers: { Accept: "text/html", "X-List": listed() } }).then(async (told) => {
    if (!told.ok || !told.headers.get("Content-Type")?.startsWith("text/html")) throw new Error(told.status);
    return { url: new URL(told.url), html: await told.text() };
  });
  const key = slot(address);
  fetched.set(key, { at: Date.now(), answer });
  answer.catch(() => fetched.delete(key));
  for (const [old, { at }] of fetched) if (Date.now() - at > KEEP) fetched.delete(old);
  return answer;
}

export const ahead = (address) => void page(address).catch(() => {});

// Shown at once as the one that is opened, before anything of it is there.
function mark(address) {
  for (const row of document.querySelectorAll("#rows .list-row")) {
    if (row.href === address) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  document.getElementById("content").setAttribute("aria-busy", "true");
}

export async function go(address, { push = true, focus = false } = {}) {
  const mine = ++going;
  // Who stays wants it newer than what was fetched ahead.
  if (!push) fetched.delete(slot(address));
  mark(address);
  try {
    const found = await page(address);
    if (mine !== going) return;
    if (!isOurs(found.url)) throw new Error("elsewhere");
    fetched.delete(slot(address));
    document.dispatchEvent(new CustomEvent("desk:leaving"));
    put(new DOMParser().parseFromString(found.html, "text/html"));
    const shown = found.url.href.replace(/#.*$/, "") + new URL(address).hash;
    if (push) history.pushState({}, "", shown);
    else if (shown !== location.href) history.replaceState({}, "", shown);
    here = location.pathname + location.search;
    document.dispatchEvent(new CustomEvent("desk:opened"));
    if (focus) document.getElementById("thread")?.focus({ preventScroll: true });
  } catch {
    location.assign(address);
  }
}

function put(fresh) {
  if (!fresh.getElementById("content")) throw new Error("no page of the desk");
  const app = document.querySelector(".app");
  document.title = fresh.title;
  document.getElementById("alarm").replaceWith(fresh.getElementById("alarm"));
  app.className = fresh.querySelector(".app").className;
  swap("#content", fresh);
  swap("#side", fresh);
  swapList(fresh);
  for (const link of app.querySelectorAll(".rail a")) {
    const same = fresh.querySelector(`.rail a[href="${link.getAttribute("href")}"]`);
    link.setAttribute("aria-current", same?.getAttribute("aria-current") ?? "false");
  }
}

function swap(selector, fresh) {
  const [old, next] = [document.querySelector(selector), fresh.querySelector(selector)];
  if (old && next) old.replaceWith(next);
  else if (old) old.remove();
  else if (next) document.querySelector("#content").after(next);
  if (next) window.htmx?.process(next);
}

// The same list stays as it is: its rows are live, its scroll and focus are somebody's.
function swapList(fresh) {
  const [old, next] = [document.querySelector(".list-pane"), fresh.querySelector(".list-pane")];
  const address = (pane) => pane?.querySelector("#rows")?.dataset.rows ?? "";
  if (!old || !next || !address(old) || address(old) !== address(next)) {
    if (old && next) old.replaceWith(next);
    else old?.remove();
    if (next && !old) document.querySelector("#content").before(next);
    return;
  }
  const ticket = document.getElementById("thread")?.dataset.ticket; // what is open by now
  const open = ticket && `row:${ticket}`;
  for (const row of old.querySelectorAll("#rows .list-row")) {
    if (row.closest("[data-key]").dataset.key === open) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  const heading = next.querySelector("#list-title");
  if (heading.tagName !== old.querySelector("#list-title").tagName) old.querySelector("#list-title").replaceWith(heading);
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = linkOf(event);
  if (!url || !document.querySelector(".list-pane")) return;
  event.preventDefault();
  go(url.href, { focus: Boolean(event.detail === 0) });
});
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    clearTimeout(hovering);
    const url = event.target.closest?.(".list-row") ? linkOf(event) : null;
    if (url && !event.target.closest("[aria-current]")) hovering = setTimeout(() => ahead(url.href), HOVER);
  });
}
addEventListener("popstate", () => {
  if (location.pathname + location.search === here) return;
  const url = new URL(location.href);
  if (isOurs(url) && document.querySelector(".list-pane")) go(url.href, { push: false });
  else location.reload();
});
// A prefetched page may be older than what one just did.
document.addEventListener("desk:changed", () => fetched.clear());
