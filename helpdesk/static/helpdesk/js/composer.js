// The composer: where to and from where, files as they are chosen, and sending, which only ever means putting
// what was written into the outbox.
import { turns } from "desk/asking";
import { composer, field, forms, later, left, open as openDrafts, say, text } from "desk/drafts";
import { PATIENCE, token } from "desk/http";
import { place } from "desk/live";
import * as outbox from "desk/outbox";
import { isTail } from "desk/pages";
import { isOnSite } from "desk/people";
import { go } from "desk/places";
import { parse } from "desk/rowset";
import { seenHead } from "desk/seen";
import { showSegments } from "desk/segments";
import { toast } from "desk/toast";
import { words } from "desk/words";

const formOf = (node) => node?.closest?.("form[data-mode]");
export const formFor = (mode) => forms().find((form) => form.dataset.mode === mode);
export const mode = () => composer()?.querySelector("[name=composer-mode]:checked")?.value;

async function upload(form, files) {
  for (const file of files) {
    say(words.uploading.replace("%s", file.name));
    const data = new FormData();
    data.set("upload", file);
    const answer = await fetch(composer().dataset.upload, { method: "POST", body: data, headers: { "X-CSRFToken": token(), "HX-Request": "true" } }).catch(() => null);
    const html = (await answer?.text()) ?? "";
    if (answer?.ok) form.querySelector("[data-chosen]").insertAdjacentHTML("beforeend", html);
    else toast(new DOMParser().parseFromString(html, "text/html").querySelector(".refusal")?.textContent || words.failed);
    say("");
  }
  later(form);
}

function written(form, action) {
  const data = new FormData(form);
  for (const name of ["upload", "csrfmiddlewaretoken", "action"]) data.delete(name);
  data.set("seen", Math.max(seenHead(), Number(data.get("seen"))));
  if (form.dataset.mode === "reply") data.set("action", action);
  return [...data].map(([name, value]) => [name, String(value)]);
}

async function send(form, action) {
  const area = text(form);
  const files = [...form.querySelectorAll("[data-chosen] .truncate")].map((one) => one.textContent);
  const template = templateOf(form);
  if (template && !form.reportValidity()) return;
  if (!template && !area.value.trim() && !files.length) {
    say(words.empty);
    return area.focus();
  }
  const item = {
    token: field(form, "client_token").value,
    conversation: place.id,
    ticket: Number(composer().dataset.ticket),
    mode: form.dataset.mode,
    url: form.getAttribute("action"),
    fields: written(form, action),
    text: template ? form.querySelector("[data-preview]").textContent : area.value,
    files,
    kind: form.dataset.kind ?? "",
    at: new Date().toISOString(),
  };
  left(form, area.value);
  area.value = "";
  form.querySelector("[data-chosen]").replaceChildren();
  field(form, "client_token").value = outbox.uuid();
  if (template) writeFreely(form);
  else showSegments(form);
  say("");
  outbox.add(item);
  document.dispatchEvent(new CustomEvent("desk:sent", { detail: item }));
  area.focus();
}

// The template has gone out. At once, as by then the line may be slow: it must not be there to be sent twice.
function writeFreely(form) {
  field(form, "template").value = "";
  for (const one of form.querySelectorAll(".template-choice ~ *")) one.remove();
  document.getElementById("reply-templates").open = false;
  text(form).hidden = false;
  showWay(form);
}

// What could not go out as it was comes back, above whatever was begun since.
export function bringBack(item) {
  const form = formFor(item.mode);
  if (!form) return false;
  choose(item.mode);
  const told = new Map(item.fields);
  for (const name of ["identity", "inbox", "to", "cc", "bcc", "subject", "answers"]) {
    const one = field(form, name);
    if (one && told.has(name)) one.value = told.get(name);
  }
  const area = text(form);
  if (told.get("template")) return bringTemplateBack(form, told);
  area.value = area.value.trim() ? `${item.text}\n\n${area.value}` : item.text;
  const ids = item.fields.filter(([name]) => name === "file").map(([, id]) => id);
  ids.forEach((id, n) => form.querySelector("[data-chosen]").append(chip(id, item.files[n])));
  showWay(form);
  later(form);
  area.focus();
  return true;
}

// With what was filled in: its places come with it from the server.
function bringTemplateBack(form, told) {
  for (const [name, value] of told) {
    if (!name.startsWith("value-")) continue;
    const kept = document.createElement("input");
    Object.assign(kept, { type: "hidden", name, value });
    form.append(kept);
  }
  const select = field(form, "template");
  select.value = told.get("template");
  select.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

function chip(id, name) {
  const row = document.getElementById("chosen-file").content.firstElementChild.cloneNode(true);
  row.querySelector("input").value = id;
  row.querySelector(".truncate").textContent = name;
  return row;
}

export function choose(wanted) {
  const radio = composer()?.querySelector(`[name=composer-mode][value=${wanted}]`);
  if (!radio) return;
  radio.checked = true;
  document.getElementById(`${wanted}-text`)?.focus();
}

// The inboxes that can write to the chosen address, and how well it reaches them, in words.
function showWay(form) {
  const to = field(form, "identity");
  const from = field(form, "inbox");
  const way = to?.selectedOptions?.[0];
  if (!way || !from) return;
  form.dataset.kind = way.dataset.kind;
  const fitting = way.dataset.inboxes.split(" ");
  for (const one of from.options) one.hidden = one.disabled = !fitting.includes(one.value);
  if (from.selectedOptions[0]?.disabled ?? true) from.value = fitting[0];
  document.getElementById("reply-from").hidden = fitting.length < 2 && way.dataset.kind !== "email";
  const { signature = "" } = from.selectedOptions[0]?.dataset ?? {};
  const line = document.getElementById("signature");
  line.textContent = signature;
  line.hidden = !signature;
  form.querySelector("[data-way-icon] use").setAttribute("href", `#i-${way.dataset.icon}`);
  showReach(form, way);
  showLimits(form, way, from.selectedOptions[0]);
  showSegments(form);
}

const templateOf = (form) => (form.querySelector("[data-preview]") ? field(form, "template")?.value : "");

// What the inbox and the time since they wrote allow there.
function showLimits(form, way, inbox) {
  const { trouble = "" } = inbox?.dataset ?? {};
  const warning = document.getElementById("reply-trouble");
  warning.lastElementChild.textContent = trouble;
  warning.hidden = !trouble;
  const cite = document.getElementById("reply-cite");
  if (cite) cite.hidden = !("quotes" in way.dataset);
  const templates = document.getElementById("reply-templates");
  if (!templates) return;
  const select = field(form, "template");
  for (const one of select.options) one.hidden = one.disabled = Boolean(one.value) && one.dataset.inbox !== inbox?.value;
  templates.hidden = ![...select.options].some((one) => one.value && !one.disabled);
  if ((way.dataset.closed ?? "").split(" ").includes(inbox?.value)) templates.open = true;
}

function showReach(form, way) {
  const hint = document.getElementById("reply-reach");
  const sentence = way.dataset.kind === "chat" && isOnSite() ? words.onSiteReach : way.dataset.reach;
  hint.classList.toggle("bad", "bad" in way.dataset);
  hint.lastElementChild.textContent = sentence;
  hint.hidden = !sentence;
}

const isIdle = (form) => !text(form).value.trim() && !form.dataset.dirty && !form.dataset.saving && !form.querySelector("[data-chosen] li");

const inTurn = turns();
const refresh = (mayMerge = false) => inTurn(() => freshen(mayMerge));

// Nothing was begun: it answers what was said last, to where it came from. Else what is there stays.
async function freshen(mayMerge) {
  if (!composer()) return;
  if (!forms().every(isIdle)) return void (mayMerge && forms().forEach(later));
  const [asked, wasMode, focused] = [composer(), mode(), document.activeElement.id];
  const answer = await fetch(`${asked.dataset.fresh}?seen=${seenHead()}`, { headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok || answer.redirected || asked !== composer() || !forms().every(isIdle)) return;
  const fresh = parse(await answer.text()).querySelector("#composer");
  if (asked !== composer() || !forms().every(isIdle)) return;
  // Something may have been seen while it was on its way.
  for (const one of fresh.querySelectorAll("[data-seen]")) one.value = Math.max(seenHead(), Number(one.value));
  asked.replaceWith(fresh);
  window.htmx?.process(fresh);
  open();
  if (!mayMerge) fresh.querySelector(`[value=${wasMode}]`).checked = true;
  if (asked.contains(document.activeElement) || focused.endsWith("-text")) document.getElementById(focused)?.focus();
}

export function open() {
  if (!composer()) return;
  openDrafts();
  for (const form of forms()) showWay(form);
  // What waits in the outbox is no draft any more, whatever the server still keeps of it.
  for (const item of outbox.items()) {
    const form = item.ticket === Number(composer().dataset.ticket) ? formFor(item.mode) : null;
    if (form && text(form).value.trim() === item.text.trim()) text(form).value = "";
  }
}

function showPlace(form, { dataset, value }) {
  for (const one of form.querySelectorAll("[data-at]")) {
    if (one.dataset.at === dataset.place) one.textContent = value.trim() || one.dataset.open;
  }
}

document.addEventListener("submit", (event) => {
  const form = formOf(event.target);
  const action = event.submitter?.value ?? "send";
  if (!form || event.submitter?.hasAttribute("hx-post") || action === "draft") return;
  event.preventDefault();
  send(form, action || "send");
}, true);
document.addEventListener("input", (event) => {
  const form = formOf(event.target);
  if (!form || event.target.type === "file") return;
  later(form);
  if (event.target.matches("[data-text]")) showSegments(form);
  if (event.target.matches("[data-place]")) showPlace(form, event.target);
});
document.addEventListener("change", (event) => {
  const form = formOf(event.target);
  if (event.target.matches("[data-files]") && form) {
    upload(form, [...event.target.files]);
    event.target.value = "";
  }
  if (form && event.target.matches("select")) showWay(form);
  if (event.target.name === "composer-mode") document.getElementById(`${event.target.value}-text`)?.focus();
});
document.addEventListener("click", (event) => {
  const drop = event.target.closest("[data-drop]");
  if (!drop) return;
  const form = formOf(drop);
  drop.closest("li").remove();
  later(form);
});
document.addEventListener("paste", (event) => {
  const form = formOf(event.target);
  if (!form || !event.clipboardData.files.length) return;
  event.preventDefault();
  upload(form, [...event.clipboardData.files]);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const box = event.target.closest?.(".thread-pane") && composer();
    if (!box || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    box.classList.toggle("drop", kind === "dragover");
    if (kind === "drop") upload(formFor(mode()), [...event.dataTransfer.files]);
  });
}
document.addEventListener("keydown", (event) => {
  const form = formOf(event.target);
  if (!form || event.key !== "Enter" || event.isComposing) return;
  if (event.metaKey || event.ctrlKey) {
    event.preventDefault();
    const wanted = event.shiftKey ? form.querySelector("[data-send=resolve]") : null;
    (wanted ?? form.querySelector('[data-send=""]')).click();
  } else if (event.target.matches("input")) event.preventDefault();
});
// The composer came anew, with the template that was chosen.
document.addEventListener("htmx:afterSettle", (event) => {
  if (/\/reply\/$/.test(event.detail.requestConfig?.path ?? "")) forms().forEach(showWay);
});
// A form of the page that was refused says so; what it was about is asked for again.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) return;
  const page = new DOMParser().parseFromString(event.detail.xhr.responseText || "", "text/html");
  toast(page.querySelector(".refusal")?.textContent || words.failed);
  document.dispatchEvent(new CustomEvent("desk:changed"));
});
document.addEventListener("desk:arrived", ({ detail }) => {
  const heard = detail.added.some(({ row }) => row && row.dataset.matter === composer()?.dataset.ticket && row.querySelector(".message.in"));
  const owned = detail.rows.some(({ key }) => key === `ticket:${place.ticket}`);
  // Who may act has changed hands: the foot of the page is another one.
  if (owned && isTail() && Boolean(document.querySelector(".strip-actions")) !== Boolean(composer()) && forms().every(isIdle)) return void go(location.href, { push: false });
  if (heard || detail.rows.some(({ key }) => key.startsWith("identity:"))) refresh().catch(() => {});
});
// A reply was taken back: it is a draft again.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && /\/undo\/$/.test(event.detail.requestConfig?.path ?? "")) refresh(true).then(() => choose("reply"));
});
document.addEventListener("desk:customer", () => forms().forEach(showWay));
