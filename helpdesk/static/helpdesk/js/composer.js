// The composer: drafts save themselves, files go up as they are chosen, nothing typed is ever lost.
const words = document.getElementById("words").dataset;
const QUIET = 600;
const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
const DRAFT = ["text", "version", "identity", "inbox", "to", "cc", "bcc", "subject", "quote", "answers"];

let timer = 0;
let chain = Promise.resolve(); // saves go one after the other, so that a late one can't win

const composer = () => document.getElementById("composer");
const field = (form, name) => form.elements.namedItem(form.dataset.mode === "note" ? `note-${name}` : name);

function say(text) {
  const state = document.getElementById("draft-state");
  if (state) state.textContent = text;
}

function told(form) {
  const data = new FormData();
  data.set("mode", form.dataset.mode);
  for (const name of DRAFT) {
    const one = field(form, name);
    if (!one || (one.type === "checkbox" && !one.checked)) continue;
    data.set(name, one.value);
  }
  for (const file of form.querySelectorAll("input[name=file]")) data.append("file", file.value);
  return data;
}

async function save(form) {
  if (!form.isConnected || form.dataset.sending) return;
  form.dataset.dirty = "";
  const answer = await fetch(composer().dataset.draft, { method: "POST", body: told(form), headers: { "X-CSRFToken": token(), Accept: "application/json" } });
  if (answer.status === 409) return conflict(form, await answer.json());
  if (!answer.ok) throw new Error(answer.status);
  field(form, "version").value = (await answer.json()).version;
  say(words.saved);
}

function conflict(form, { text, version }) {
  // Two tabs wrote: both texts stay in sight, the next save takes what is in this one.
  field(form, "version").value = version;
  const area = form.querySelector("[data-text]");
  if (text && text !== area.value && !area.value.includes(text)) area.value = `${area.value}\n\n———\n${text}`;
  later(form);
}

function later(form) {
  form.dataset.dirty = "1";
  clearTimeout(timer);
  timer = setTimeout(() => flush(form), QUIET);
}

function flush(form) {
  clearTimeout(timer);
  chain = chain.then(() => save(form)).catch(() => { form.dataset.dirty = "1"; say(words.unsaved); });
  return chain;
}

function flushAll() {
  for (const form of composer()?.querySelectorAll("form[data-mode]") ?? []) {
    if (!form.dataset.dirty || form.dataset.sending) continue;
    form.dataset.dirty = "";
    fetch(composer().dataset.draft, { method: "POST", body: told(form), keepalive: true, headers: { "X-CSRFToken": token(), Accept: "application/json" } });
  }
}

async function upload(form, files) {
  for (const file of files) {
    say(words.uploading.replace("%s", file.name));
    const data = new FormData();
    data.set("upload", file);
    const answer = await fetch(composer().dataset.upload, { method: "POST", body: data, headers: { "X-CSRFToken": token(), "HX-Request": "true" } });
    const html = await answer.text();
    if (answer.ok) form.querySelector("[data-chosen]").insertAdjacentHTML("beforeend", html);
    else toast(new DOMParser().parseFromString(html, "text/html").querySelector(".refusal")?.textContent || words.failed);
    say("");
  }
  later(form);
}

export function toast(text, look = "bad") {
  const region = document.getElementById("toasts");
  const banner = document.createElement("div");
  banner.className = `banner ${look}`;
  const close = document.createElement("button");
  close.className = "button small";
  close.type = "button";
  close.dataset.close = "";
  close.textContent = words.close;
  const body = document.createElement("span");
  body.className = "grow";
  body.textContent = text;
  banner.append(body, close);
  region.replaceChildren(banner);
  if (look === "ok") setTimeout(() => banner.remove(), 5000);
}

const formOf = (node) => node.closest?.("form[data-mode]");

document.addEventListener("input", (event) => {
  const form = formOf(event.target);
  if (form && event.target.type !== "file") later(form);
});
document.addEventListener("change", (event) => {
  const form = formOf(event.target);
  if (event.target.matches("[data-files]") && form) {
    upload(form, [...event.target.files]);
    event.target.value = "";
  }
  if (event.target.matches("#reply-inbox")) {
    const signature = document.getElementById("signature");
    signature.textContent = event.target.selectedOptions[0].dataset.signature;
    signature.hidden = !signature.textContent;
  }
  if (event.target.name === "composer-mode") document.getElementById(`${event.target.value}-text`)?.focus();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) event.target.closest(".banner").remove();
  const drop = event.target.closest("[data-drop]");
  if (drop) {
    const form = formOf(drop);
    drop.closest("li").remove();
    later(form);
  }
  if (event.target.closest("[data-edit]")) {
    event.preventDefault();
    document.getElementById("problem").remove();
    document.getElementById("reply-text").focus();
  }
});
document.addEventListener("paste", (event) => {
  const form = formOf(event.target);
  if (form && event.clipboardData.files.length) {
    event.preventDefault();
    upload(form, [...event.clipboardData.files]);
  }
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const box = event.target.closest?.(".thread-pane") && composer();
    if (!box || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    box.classList.toggle("drop", kind === "dragover");
    if (kind !== "drop") return;
    const mode = box.querySelector("[name=composer-mode]:checked").value;
    upload(box.querySelector(`form[data-mode=${mode}]`), [...event.dataTransfer.files]);
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
document.addEventListener("htmx:beforeRequest", (event) => {
  const form = formOf(event.target);
  if (form) [form.dataset.sending, form.dataset.dirty] = ["1", ""];
});
document.addEventListener("htmx:afterRequest", (event) => {
  // The composer may be a new one by now, and the event then speaks of the page.
  const form = formOf(event.detail.requestConfig?.elt ?? event.target);
  if (form) delete form.dataset.sending;
  if (event.detail.successful) return;
  if (form && [409, 422].includes(event.detail.xhr.status)) return;
  if (form) later(form);
  const page = new DOMParser().parseFromString(event.detail.xhr.responseText || "", "text/html");
  toast(page.querySelector(".refusal")?.textContent || words.failed);
  document.dispatchEvent(new CustomEvent("desk:changed"));
});
document.addEventListener("htmx:afterSwap", () => {
  const problem = document.getElementById("problem");
  if (!problem) return;
  problem.focus();
  // What was refused is a draft again, should the page have to be loaded.
  const mode = composer().querySelector("[name=composer-mode]:checked").value;
  later(composer().querySelector(`form[data-mode=${mode}]`));
});
document.addEventListener("desk:leaving", flushAll);
document.addEventListener("visibilitychange", () => document.hidden && flushAll());
addEventListener("pagehide", flushAll);
