// A list that keeps itself fresh: the first page is asked for again and its rows are patched.
const list = document.querySelector("[data-rows]");
const EVERY = 5000;

function parse(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  window.htmx?.process(holder.content);
  return holder.content.firstElementChild;
}

function isBusy() {
  return list.matches(":hover") || list.contains(document.activeElement);
}

function patch(rows) {
  const old = new Map([...list.querySelectorAll("[data-key]")].map((row) => [row.dataset.key, row]));
  const open = list.querySelector(".list-row[aria-current]")?.closest("[data-key]")?.dataset.key;
  const focused = document.activeElement?.closest?.("#rows [data-key]")?.dataset.key;
  const fresh = rows.map(({ key, html }) => {
    const row = parse(html);
    if (key === open) row.firstElementChild.setAttribute("aria-current", "true");
    return row;
  });
  const sameOrder = fresh.length === old.size && fresh.every((row, n) => [...old.keys()][n] === row.dataset.key);
  if (!sameOrder && isBusy() && fresh.length >= old.size) {
    // Nothing moves under a pointer or focus: rows change in place, the order waits.
    for (const row of fresh) old.get(row.dataset.key)?.replaceWith(row);
  } else {
    const rest = [...list.children].filter((row) => !row.dataset.key && !row.matches(".list-empty"));
    list.replaceChildren(...fresh, ...rest);
    if (!fresh.length) location.reload();
  }
  if (focused) list.querySelector(`[data-key="${focused}"] a`)?.focus({ preventScroll: true });
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(`${list.dataset.rows}?mark=${list.dataset.mark}`, { headers: { Accept: "application/json" } });
  if (answer.status !== 200) return;
  const { mark, rows } = await answer.json();
  if (!rows.length && !list.querySelector("[data-key]")) return;
  list.dataset.mark = mark;
  patch(rows);
}

if (list) {
  list.querySelector(".list-row[aria-current]")?.scrollIntoView({ block: "nearest" });
  const quietly = () => refresh().catch(() => {});
  setInterval(quietly, EVERY);
  document.addEventListener("visibilitychange", quietly);
  document.addEventListener("desk:changed", quietly);
}
