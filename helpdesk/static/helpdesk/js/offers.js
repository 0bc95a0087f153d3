// What presses the one who looks, as numbers in the rail: offers that wait, promises that are due, what is to be
// handed over as a shift ends. Bells say that it may be another one; as they may be lost, the heartbeat asks, too.
import { asking } from "desk/asking";
import { fetchJson } from "desk/http";
import { line } from "desk/socket";

const SECOND = 1000;

function counter(id, flag) {
  async function ask() {
    const badge = document.getElementById(id);
    if (!badge) return;
    const before = badge.textContent;
    const { count } = await fetchJson(badge.dataset.count);
    badge.textContent = count;
    badge.hidden = !count;
    // What waited before the page was opened is no news.
    if (before && count > Number(before)) document.dispatchEvent(new CustomEvent(`desk:${id}`, { detail: { count } }));
  }

  const want = asking(ask, SECOND);
  line.addEventListener("row", ({ detail }) => detail[flag] && want());
  for (const name of ["up", "wake", "beat", "shift"]) line.addEventListener(name, want);
  document.addEventListener("desk:changed", want);
}

counter("offered", "offered");
counter("pressing", "promised");
counter("shift", "shift");
