// New mail shows by itself: asked for every few seconds while somebody looks, answered with nothing mostly.
const PAUSE = 3000;
const list = () => document.querySelector("#lines[data-news]");

async function look() {
  const old = list();
  if (!old || document.hidden) return;
  try {
    const answer = await fetch(`${old.dataset.news}?stamp=${encodeURIComponent(old.dataset.stamp)}`);
    if (answer.status === 200) put(old, await answer.text());
  } catch {
    // The servers are away for a moment; the next look asks again.
  }
}

function put(old, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("lines");
  if (!fresh) return;
  const before = new Set([...old.querySelectorAll("a")].map((one) => one.pathname));
  const came = [...fresh.querySelectorAll(".unread")].some((one) => !before.has(one.pathname));
  const [open, focused] = [old.querySelector("[aria-current]"), old.contains(document.activeElement) ? document.activeElement : null];
  old.replaceWith(fresh);
  const same = (link) => link && [...fresh.querySelectorAll("a")].find((one) => one.pathname === link.pathname);
  same(open)?.setAttribute("aria-current", "true");
  same(focused)?.focus({ preventScroll: true });
  if (came) document.getElementById("said").textContent = document.getElementById("said").dataset.came;
}

setInterval(look, PAUSE);
document.addEventListener("visibilitychange", look);
