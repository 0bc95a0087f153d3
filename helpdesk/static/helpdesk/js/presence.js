// Who is here: told by doorbells, and shown wherever a colleague is named who may be given something. What is
// drawn anew by the server is right by itself.
import { line } from "desk/socket";
import { words } from "desk/words";

const name = (state) => words[`presence${state[0].toUpperCase()}${state.slice(1)}`] ?? state;
const me = document.body.dataset.agent;

function show(agent, state) {
  for (const one of document.querySelectorAll(`[data-presence="${agent}"]`)) one.dataset.state = state;
  for (const one of document.querySelectorAll(`[data-presence-word="${agent}"]`)) one.textContent = name(state);
  for (const one of document.querySelectorAll(`option[data-who="${agent}"]`)) one.textContent = `${one.dataset.name} · ${name(state)}`;
}

function chose(state) {
  for (const one of document.querySelectorAll("#presence button")) one.setAttribute("aria-pressed", String(one.value === state));
  show(me, state);
}

// That I am gone is told when my last page is closed; the page that hears it is not.
line.addEventListener("presence", ({ detail: { agent, state } }) => {
  if (String(agent) !== me) return show(agent, state);
  if (state !== "offline") chose(state);
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.elt?.closest?.("#presence");
  if (form && detail.successful) chose(detail.requestConfig.parameters.state ?? detail.requestConfig.formData?.get("state"));
});
