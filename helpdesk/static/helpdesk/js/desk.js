// Each module sees to one thing; this one says when a place was opened, and in which order they look at it.
import "desk/times";
import "desk/calls";
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
import { connect, line, start, watchLists } from "desk/socket";
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
  openAll();
}

// Every page of somebody who is signed in holds the line: they are at their desk whatever they read there, what is
// counted in the rail stays true, and calls ring. A form that is being filled in stays when their rights change: what
// they may not do any more is refused when it is sent.
if (document.body.dataset.agent) {
  line.addEventListener("rights", isDesk ? live.reload : connect);
  line.addEventListener("state", ({ detail }) => (document.documentElement.dataset.line = detail));
  watchLists();
  start();
}
