// Who is asking: the secret token the site keeps for us, and what the server told about its bearer.
import { language } from "chat/page";
import { call } from "chat/server";
import { site, tell } from "chat/site";
import { stash } from "chat/stash";

export const visitor = { token: null, name: "", email: "", signed: false, seen: 0, at: 0, settings: null };
let changed = () => {};
let asking = null;

// `does(answer, change)` after each session. The change is "" for the same visitor, "token" for the same person under a
// new token or with the history of who they turned out to be, "person" for somebody else.
export const onSession = (does) => (changed = does);

export function session(signed = "") {
  if (asking && !signed) return asking;
  const turn = (asking ?? Promise.resolve()).catch(() => {}).then(() => begin(signed));
  const done = () => asking === turn && (asking = null);
  turn.then(done, done);
  return (asking = turn);
}

async function begin(signed) {
  const before = visitor.token;
  const answer = await introduce(before, signed);
  const other = before !== null && answer.token !== before;
  const known = visitor.at > 0 && answer.signed && !visitor.signed;
  Object.assign(visitor, { token: answer.token, name: answer.name, email: answer.email, signed: answer.signed, settings: answer.settings, at: Date.now() });
  visitor.seen = other ? answer.seen : Math.max(visitor.seen, answer.seen);
  stash.set("settings", answer.settings);
  if (answer.token !== before) tell({ is: "token", token: answer.token });
  changed(answer, other && signed ? "person" : other || known ? "token" : "");
}

async function introduce(token, signed) {
  const body = { language, page: site.page };
  if (token) body.token = token;
  if (signed) body.signed = signed;
  try {
    return await call("session/", { body });
  } catch (refused) {
    if (!signed || refused.status !== 401) throw refused;
    tell({ is: "event", name: "error", detail: "signature" });
    return introduce(token, "");
  }
}

// A request of the visitor's. A token the server doesn't know any more is replaced once.
export async function ask(path, given) {
  if (!visitor.token) await session();
  const used = visitor.token;
  try {
    return await call(path, { ...given, token: used });
  } catch (refused) {
    if (refused.status !== 401) throw refused;
    if (visitor.token === used) await session();
    return call(path, { ...given, token: visitor.token });
  }
}
