import "desk/times";
import { toast } from "desk/composer";
import "desk/keys";
import "desk/live";
import "desk/rows";

// A door answered a script: say what it said. What changed is fetched by who shows it.
document.addEventListener("desk:changed", (event) => {
  for (const menu of document.querySelectorAll("details:is(.menu,.rename)[open]")) menu.open = false;
  const said = event.detail?.said;
  if (said) toast(said, "ok");
});
