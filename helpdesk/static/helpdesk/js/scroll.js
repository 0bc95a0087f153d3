// Where the reader is in the thread, and keeping them there while rows come, go and grow.
// On narrow screens the page scrolls, elsewhere the thread does: both are handled here alone.
const thread = () => document.getElementById("thread");
const end = () => document.getElementById("end");
const NEAR = 100;
let stick = true;
let jumping = false;

const ownScroll = () => getComputedStyle(thread()).overflowY !== "visible";

export function frame() {
  const box = thread().getBoundingClientRect();
  return { top: Math.max(0, box.top), bottom: Math.min(innerHeight, box.bottom) };
}

export const room = () => {
  const { top, bottom } = frame();
  const inner = thread().firstElementChild.getBoundingClientRect();
  return { above: top - inner.top, below: inner.bottom - bottom };
};

export const isAtEnd = () => end().getBoundingClientRect().bottom - frame().bottom < NEAR;

export function isOnScreen(row) {
  if (document.hidden || !row.checkVisibility()) return false;
  const { top, bottom } = row.getBoundingClientRect();
  const seen = frame();
  return top < seen.bottom - 4 && bottom > seen.top + 4;
}

function scrollBy(pixels) {
  if (Math.abs(pixels) < 0.5) return;
  if (ownScroll()) thread().scrollTop += pixels;
  else window.scrollBy({ top: pixels, behavior: "instant" });
}

export function toEnd() {
  stick = true;
  if (ownScroll()) thread().scrollTop = thread().scrollHeight;
  else end().scrollIntoView({ block: "end", behavior: "instant" });
}

// Rows are found again by key, as a patched row is another node.
function visibleRows() {
  const seen = frame();
  const found = [];
  for (const row of thread().querySelectorAll("[data-key]")) {
    const { top, bottom } = row.getBoundingClientRect();
    if (top > seen.bottom) break;
    if (bottom > seen.top) found.push([row.dataset.key, bottom]);
  }
  return found;
}

// What is read stays where it is. A row is held by its end: at its head a day or a matter may be said or no longer said
// once other rows come before it.
export function keep(change, mayFollow = true) {
  if (mayFollow && stick && isAtEnd()) {
    change();
    return toEnd();
  }
  const before = visibleRows();
  change();
  for (const [key, bottom] of before) {
    const row = thread().querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (row) return scrollBy(row.getBoundingClientRect().bottom - bottom);
  }
}

// A jump is pinned until the layout holds still: rows may still be growing.
export function pin(find, block = "center") {
  stick = false;
  jumping = true;
  let calm = 0;
  let left = 30;
  const step = () => {
    const node = find();
    if (!node || !left--) return void (jumping = false);
    const before = node.getBoundingClientRect().top;
    node.scrollIntoView({ block, behavior: "instant" });
    calm = Math.abs(node.getBoundingClientRect().top - before) < 1 ? calm + 1 : 0;
    if (calm < 3) requestAnimationFrame(step);
    else jumping = false;
  };
  step();
}

// From bottom-up, as it was drawn, to top-down, as it is scrolled: within one task, so nothing moves.
export function begin(onScroll) {
  const box = thread();
  stick = !box.classList.contains("from-top");
  box.classList.add("from-top");
  // Where the page scrolls, a browser that comes back puts it where it was.
  // On a telephone an offer stands above all that was said, and is what they came for.
  const isOffered = !ownScroll() && document.querySelector("#offers .offer.mine");
  if (stick && (ownScroll() || !scrollY) && !isOffered) toEnd();
  box.addEventListener("scroll", () => scrolled(onScroll), { passive: true });
  // The last word it has for us is that the thread is gone from the page.
  new ResizeObserver(() => box.isConnected && stick && ownScroll() && toEnd()).observe(box);
}

function scrolled(onScroll) {
  if (!jumping) stick = isAtEnd();
  onScroll();
}

addEventListener("scroll", () => thread() && document.dispatchEvent(new CustomEvent("desk:scrolled")), { passive: true });
