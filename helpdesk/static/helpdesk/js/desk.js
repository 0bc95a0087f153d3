// Each module sees to one thing; this one says when a place was opened, and in which order they look at it.
import "desk/times";
import * as composer from "desk/composer";
import "desk/keys";
import * as live from "desk/live";
import * as notify from "desk/notify";
import "desk/offers";
import * as pending from "desk/pending";
import * as people from "desk/people";
import "desk/places";
import "desk/presence";
import * as rows from "desk/rows";
import * as seen from "desk/seen";
import { line, start } from "desk/socket";
import * as state from "desk/state";
import { toast } from "desk/toast";

const isDesk = Boolean(document.querySelector(".list-pane"));
const parts = [notify, live, seen, people, composer, pending, rows, state];

function openAll() {
  for (const one of parts) {
    try {
      one.open();
    } catch (error) {
      reportError(error); // the others go on
    }
  }
}

// A door answered a script: say what it said. What changed is fetched by who shows it.
document.addEventListener("desk:changed", (event) => {
  for (const menu of document.querySelectorAll("details:is(.menu,.rename)[open]")) menu.open = false;
  const said = event.detail?.said;
  if (said) toast(said, "ok");
});

if (isDesk) {
  document.addEventListener("desk:opened", openAll);
  line.addEventListener("rights", live.reload);
  openAll();
  line.addEventListener("state", ({ detail }) => (document.documentElement.dataset.line = detail));
  start();
}
