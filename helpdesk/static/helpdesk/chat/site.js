// The page around the frame. It speaks first; from then on only its window and its origin are heard and answered.
// Which origins may embed us at all is for frame-ancestors to say.
import { key } from "chat/page";

export const framed = window.parent !== window;
export const site = { open: false, page: "" };
const does = {};
let origin = null;

export const on = (name, act) => (does[name] = act);

export function tell(what) {
  if (origin) parent.postMessage({ helpdesk: key, ...what }, origin);
  else if (!framed) alone(what);
}

function hear({ source, origin: from, data }) {
  if (source !== parent || data?.helpdesk !== key || from === "null") return;
  if (origin === null && data.do === "hello") origin = from;
  if (from !== origin) return;
  if (typeof data.page === "string") site.page = data.page;
  if (Object.hasOwn(does, data.do)) does[data.do](data);
}

// Standing alone, the panel is its own site: always open, its memory its own.
const place = (name) => `chat:${key}:${name}`;
function alone({ is, name = "token", token = null, value = JSON.stringify(token) }) {
  if (is !== "keep" && is !== "token") return;
  if (value === null) localStorage.removeItem(place(name));
  else localStorage.setItem(place(name), value);
}

export function begin() {
  if (framed) return addEventListener("message", hear);
  const names = Object.keys(localStorage).filter((name) => name.startsWith(place("")));
  const kept = Object.fromEntries(names.map((name) => [name.slice(place("").length), localStorage[name]]));
  does.hello({ token: JSON.parse(kept.token ?? "null"), open: true, kept });
}
