// The guide's steps tick themselves: asked for after what one did, and now and then while the page is looked at.
const PAUSE = 6000;
const SOON = 1200;
const STORE = "guide-closed";
let timer = 0;
const card = () => document.getElementById("guide");

async function look() {
  clearTimeout(timer);
  timer = 0;
  const old = card();
  if (!old || document.hidden || !old.checkVisibility()) return;
  const answer = await fetch(old.dataset.url).catch(() => null);
  if (answer?.ok && !answer.redirected) put(old, await answer.text());
}

function put(old, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("guide");
  if (!fresh || fresh.querySelector("ol").innerHTML === old.querySelector("ol").innerHTML) return;
  const more = Number(fresh.dataset.done) > Number(old.dataset.done);
  const ticked = more && [...fresh.querySelectorAll("li")].find((row, at) => row.className && !old.querySelectorAll("li")[at]?.className);
  const place = [...old.querySelectorAll("a,summary,button")].indexOf(document.activeElement);
  for (const part of ["summary", "ol"]) old.querySelector(part).replaceWith(fresh.querySelector(part));
  old.dataset.done = fresh.dataset.done;
  if (place >= 0) (old.querySelectorAll("a,summary,button")[place] ?? old.querySelector("summary")).focus({ preventScroll: true });
  if (ticked) old.querySelector("[role=status]").textContent = `${old.querySelector("[role=status]").dataset.said} ${ticked.lastElementChild.textContent}`;
}

const soon = () => (timer ||= setTimeout(look, SOON));
for (const name of ["desk:arrived", "desk:changed", "desk:read", "desk:outbox", "desk:opened", "visibilitychange"]) document.addEventListener(name, soon);
setInterval(look, PAUSE);

const own = card();
if (own) {
  const box = own.querySelector("details");
  const narrow = matchMedia("(max-width:51.99rem)").matches;
  box.open = (localStorage.getItem(STORE) ?? (narrow ? "1" : "0")) !== "1";
  box.addEventListener("toggle", () => localStorage.setItem(STORE, box.open ? "0" : "1"));
  own.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" }).catch(() => null);
    if (!answer) return form.submit();
    own.remove();
    document.getElementById("rows")?.querySelector("a")?.focus({ preventScroll: true });
  });
}
