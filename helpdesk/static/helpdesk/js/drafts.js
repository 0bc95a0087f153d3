// What is typed and not sent: saved on the server half a second after the last key, kept in this browser until
// that has worked, and told to the other tabs. Two different texts never overwrite each other: both stay.
import { Refused, post } from "desk/http";
import { words } from "desk/words";

const QUIET = 600;
const NAMES = ["text", "version", "identity", "inbox", "to", "cc", "bcc", "subject", "quote", "answers"];
const tabs = new BroadcastChannel(`desk-drafts:${document.body.dataset.agent}`);
let timer = 0;
let chain = Promise.resolve(); // saves go one after the other, so that a late one can't win

export const composer = () => document.getElementById("composer");
export const forms = () => [...(composer()?.querySelectorAll("form[data-mode]") ?? [])];
export const field = (form, name) => form.elements.namedItem(form.dataset.mode === "note" ? `note-${name}` : name);
export const text = (form) => form.querySelector("[data-text]");
const ticket = () => composer().dataset.ticket;
const store = (form) => `desk-draft:${document.body.dataset.agent}:${ticket()}:${form.dataset.mode}`;

export function say(sentence) {
  const state = document.getElementById("draft-state");
  if (state) state.textContent = sentence;
}

export function told(form) {
  const data = new URLSearchParams({ mode: form.dataset.mode });
  for (const name of NAMES) {
    const one = field(form, name);
    if (!one || (one.type === "checkbox" && !one.checked)) continue;
    data.set(name, one.value);
  }
  for (const file of form.querySelectorAll("input[name=file]")) data.append("file", file.value);
  return data;
}

function remember(form) {
  try {
    localStorage.setItem(store(form), JSON.stringify({ text: text(form).value, version: field(form, "version").value }));
  } catch {
    // It is on its way to the server anyway.
  }
}

export const forget = (form) => localStorage.removeItem(store(form));

async function save(form) {
  if (!form.isConnected || !form.dataset.dirty) return;
  delete form.dataset.dirty;
  form.dataset.saving = "1";
  try {
    const { version } = await post(composer().dataset.draft, told(form));
    settled(form, version);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 409) return conflict(form, error.told);
    form.dataset.dirty = "1";
    say(words.unsaved);
    if (!error.status || error.status >= 500) timer = setTimeout(() => flush(form), 5000);
  } finally {
    delete form.dataset.saving;
  }
}

function settled(form, version) {
  field(form, "version").value = version;
  if (!form.dataset.dirty) forget(form);
  say(words.saved);
  if (form.dataset.dirty) return;
  tabs.postMessage({ ticket: ticket(), mode: form.dataset.mode, text: text(form).value, version });
}

function conflict(form, other) {
  field(form, "version").value = other.version;
  join(form, other.text);
  later(form);
}

// Both texts stay in sight, the next save takes what is in this one.
function join(form, other) {
  const area = text(form);
  if (!other || area.value.includes(other)) return;
  if (other.includes(area.value)) area.value = other;
  else area.value = `${area.value}\n\n———\n${other}`;
  say(words.joined);
}

export function later(form) {
  form.dataset.dirty = "1";
  remember(form);
  clearTimeout(timer);
  timer = setTimeout(() => flush(form), QUIET);
}

export function flush(form) {
  clearTimeout(timer);
  chain = chain.then(() => save(form));
  return chain;
}

// Before the page goes: what can't be waited for stays in this browser until the desk has it.
export function flushAll() {
  for (const form of forms()) {
    if (!form.dataset.dirty) continue;
    delete form.dataset.dirty;
    const [key, sent] = [store(form), text(form).value];
    post(composer().dataset.draft, told(form), { keepalive: true })
      .then(({ version }) => {
        if (form.isConnected) settled(form, version);
        else if (JSON.parse(localStorage.getItem(key) ?? "{}").text === sent) localStorage.removeItem(key);
      })
      .catch(() => (form.dataset.dirty = "1"));
  }
}

// What a tab left behind that could not save any more.
export function open() {
  for (const form of forms()) {
    const kept = JSON.parse(localStorage.getItem(store(form)) ?? "null");
    if (!kept || kept.text === text(form).value) {
      forget(form);
      continue;
    }
    const own = text(form).value;
    text(form).value = kept.text;
    if (kept.version !== field(form, "version").value) join(form, own);
    later(form);
  }
}

tabs.onmessage = ({ data }) => {
  if (!composer() || data.ticket !== ticket()) return;
  const form = forms().find((one) => one.dataset.mode === data.mode);
  // Whoever is writing here keeps their text; the server will tell them of the other one.
  if (!form || form.dataset.dirty || form.dataset.saving) return;
  if (data.sent && text(form).value.trim() !== data.sent.trim()) return;
  text(form).value = data.text;
  field(form, "version").value = data.version;
};

// It has left the composer: the other tabs let go of it, too.
export function left(form, sent) {
  forget(form);
  delete form.dataset.dirty;
  tabs.postMessage({ ticket: ticket(), mode: form.dataset.mode, text: "", version: field(form, "version").value, sent });
}

document.addEventListener("desk:leaving", flushAll);
document.addEventListener("visibilitychange", () => document.hidden && flushAll());
addEventListener("pagehide", flushAll);
