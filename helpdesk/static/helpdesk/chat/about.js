// What we ask the visitor about themselves: a few fields before the first message, and an address when nobody is there
// to answer at once. Neither is asked twice.
import { fill, find, words } from "chat/page";
import * as composer from "chat/composer";
import { stash } from "chat/stash";
import * as transcript from "chat/transcript";
import { ask, visitor } from "chat/visitor";

const form = find("about");
const card = find("ask");
const UNANSWERED = 60000;
const KNOWN = { name: "name", email: "email" };
let asks = false;
let leaving = false;

const isAddress = (text) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text);
const told = () => stash.get("about") ?? {};
const mine = () => transcript.all().some(({ entry }) => entry.from === "you");

// Goes up with the first message, then never again.
export function introduction() {
  const { answers = {}, said } = told();
  if (said) return {};
  const { name, email, ...others } = answers;
  return { ...(name && { name }), ...(email && { email }), ...(Object.keys(others).length && { answers: others }) };
}

export function introduced() {
  const about = told();
  if (about.answers && !about.said) stash.set("about", { ...about, said: true });
}

function missing() {
  if (told().answers || mine()) return [];
  return (visitor.settings?.prechat ?? []).slice(0, 3).filter(({ name }) => !(name in KNOWN && visitor[name]));
}

export function prepare() {
  const fields = missing();
  // A chat opened for the first time learns only then what it is to ask: who is about to write is taken along.
  const writes = document.activeElement === find("text");
  composer.show(!fields.length);
  if (form.hidden === Boolean(fields.length)) form.querySelectorAll(".field").forEach((one) => one.remove());
  form.hidden = !fields.length;
  const shown = new Set([...form.querySelectorAll("input")].map(({ name }) => name));
  for (const field of fields) if (!shown.has(field.name)) form.querySelector("button").before(draw(field));
  if (writes && fields.length) focus();
}

function draw({ name, label, type, required }) {
  const field = document.createElement("div");
  field.className = "field";
  const title = document.createElement("label");
  title.textContent = label;
  title.htmlFor = `about-${name}`;
  const input = document.createElement("input");
  Object.assign(input, { id: title.htmlFor, name, type: type === "email" ? "email" : "text", required: Boolean(required), maxLength: 200 });
  if (name in KNOWN) input.autocomplete = name;
  const wrong = document.createElement("p");
  Object.assign(wrong, { className: "wrong", id: `${input.id}-wrong`, hidden: true });
  input.setAttribute("aria-describedby", wrong.id);
  field.append(title, input, wrong);
  return field;
}

// Says under a field what is wrong with it. Returns whether all is well.
function check(input) {
  const text = input.value.trim();
  const trouble = !text ? (input.required ? words.missing : "") : input.type === "email" && !isAddress(text) ? words.badEmail : "";
  const wrong = find(input.getAttribute("aria-describedby"));
  wrong.textContent = trouble;
  wrong.hidden = !trouble;
  if (trouble) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  return !trouble;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const inputs = [...form.querySelectorAll("input")];
  const bad = inputs.filter((input) => !check(input));
  if (bad.length) return bad[0].focus();
  const answers = Object.fromEntries(inputs.map(({ name, value }) => [name, value.trim()]).filter(([, value]) => value));
  stash.set("about", { answers });
  prepare();
  composer.focus();
});

export const focus = () => form.querySelector("input")?.focus({ preventScroll: true });
export const isAsking = () => !form.hidden;

// An answer can go on by mail, and it may have to: nobody is there, nobody has answered yet, or the visitor goes.
export function mayAsk(server = asks) {
  asks = server;
  const last = transcript.lastSaid();
  const waits = last?.from === "you" && (leaving || Date.now() - Date.parse(last.at) > UNANSWERED);
  const known = visitor.email || told().answers?.email || stash.get("asked");
  const shows = Boolean(asks && mine() && !known && (waits || !visitor.settings?.open));
  if (card.hidden !== shows) return;
  const stay = transcript.atEnd();
  card.hidden = !shows;
  if (stay) transcript.toEnd();
}

export function leave() {
  leaving = true;
  mayAsk();
}

card.addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = find("ask-email");
  if (!check(input)) return input.focus();
  try {
    await ask("email/", { body: { email: input.value.trim() } });
  } catch (refused) {
    find("ask-wrong").textContent = refused.message && refused.status ? refused.message : words.failed;
    find("ask-wrong").hidden = false;
    return;
  }
  stash.set("asked", true);
  mayAsk();
  const thanks = find("asked");
  thanks.hidden = false;
  thanks.textContent = fill(words.confirm, input.value.trim());
  transcript.toEnd();
  composer.focus();
});
find("ask-no").addEventListener("click", () => {
  stash.set("asked", true);
  mayAsk();
  composer.focus();
});
setInterval(() => mayAsk(), 15000);

// A code that was sent or read out elsewhere: what began there goes on here.
find("code").addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = find("code-text");
  const place = find("code-said");
  if (!input.value.trim()) return input.focus();
  try {
    await ask("resume/", { body: { code: input.value.trim() } });
  } catch (refused) {
    place.textContent = refused.message && refused.status ? refused.message : words.failed;
    return input.focus();
  }
  input.value = "";
  place.textContent = place.dataset.done;
  composer.focus();
});
