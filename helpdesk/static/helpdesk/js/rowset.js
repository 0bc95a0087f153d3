// The rows of the thread as nodes: parsing, finding, ordering, and putting a fresh one in the place of the old.
export const feed = () => document.getElementById("feed");
export const find = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`);
export const entries = () => [...(feed()?.querySelectorAll('[data-key^="entry:"]') ?? [])];

export function parse(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  return holder.content;
}

// Microseconds, as two rows may share a millisecond.
export function moment(iso) {
  const fraction = /\.(\d+)/.exec(iso)?.[1] ?? "";
  return Date.parse(iso.replace(/\.\d+/, "")) * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

export const at = (row) => moment(row.dataset.at);
const top = (row) => row.closest("#feed > *");

// A row says its day and matter only where the row before it says another.
export function tidy() {
  let day = "";
  let matter = "";
  for (const holder of feed().children) {
    const rows = holder.matches("[data-key]") ? [holder] : [...holder.querySelectorAll("[data-key]")];
    if (!rows.length) continue;
    const first = rows[0].dataset;
    const lines = [[".day", first.day === day], [".matter-line", !first.matter || first.matter === matter]];
    for (const [name, isSaid] of lines) {
      const line = holder.querySelector(`:scope > ${name}`);
      if (line && line.hidden !== isSaid) line.hidden = isSaid;
    }
    day = rows.at(-1).dataset.day;
    matter = rows.findLast((row) => row.dataset.matter)?.dataset.matter ?? matter;
  }
}

function isBeingUsed(row) {
  return row.contains(document.activeElement) && document.activeElement.matches("input,textarea,select");
}

export function replace(old, fresh) {
  if (isBeingUsed(old)) return false;
  const open = [...old.querySelectorAll("details[open]")].map((one) => one.className);
  for (const details of fresh.querySelectorAll("details")) if (open.includes(details.className)) details.open = true;
  if (old.matches(".fold .item")) for (const line of fresh.querySelectorAll(":scope > :is(.day,.matter-line)")) line.remove();
  if (old.querySelector(":scope > [aria-current]")) fresh.firstElementChild.setAttribute("aria-current", "true");
  const focused = path(old, document.activeElement);
  old.replaceWith(fresh);
  if (focused >= 0) fresh.querySelectorAll("a,button,summary")[focused]?.focus({ preventScroll: true });
  return true;
}

const path = (row, node) => [...row.querySelectorAll("a,button,summary")].indexOf(node);

// Into thread order. Rows outside of what is loaded are left to the page that will load them.
export function insert(fresh, isTail) {
  const all = entries();
  const when = at(fresh);
  const after = all.findLast((row) => at(row) < when);
  if (after === all.at(-1) && !isTail) return false;
  if (!after && all.length) return false;
  const holder = after && top(after);
  const inside = after?.matches(".fold .item") && holder.querySelector("ol").lastElementChild !== after;
  if (inside) after.after(fresh);
  else if (holder) holder.after(fresh);
  else feed().append(fresh);
  return true;
}

// A line across the thread, above a row; without one it is taken away.
export function divide(id, row, sentence, look = "") {
  let line = document.getElementById(id);
  const holder = row && top(row);
  if (!holder) return void line?.remove();
  if (!line) {
    line = document.createElement("li");
    line.id = id;
    line.className = `divider ${look}`;
    line.textContent = sentence;
  }
  if (line.nextElementSibling !== holder) holder.before(line);
}
