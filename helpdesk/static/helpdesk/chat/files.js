// Files of the next message: chosen, dropped, pasted or photographed; refused by size before a byte goes out, shown with
// their progress, kept and tried again while there is no network.
import { announce, clone, fill, find, language, saySize, words } from "chat/page";
import { preview } from "chat/row";
import { address, refusal } from "chat/server";
import { session, visitor } from "chat/visitor";

const list = find("chips");
const refused = find("refused");
const AGAIN = 8000;
let timer = 0;
let chips = []; // {file, done: {id, name, size, type, image} | null, request, element}
let changed = () => {};

export const onFiles = (does) => (changed = does);
export const busy = () => chips.some(({ done }) => !done);
export const ready = () => chips.filter(({ done }) => done).map(({ done }) => done);
export const none = () => chips.length === 0;

function refuse(text) {
  refused.textContent = text;
  refused.hidden = !text;
}

export function add(files) {
  refuse("");
  const most = visitor.settings?.max_bytes ?? Infinity;
  for (const file of files) {
    if (file.size > most) refuse(fill(words.tooLarge, file.name, saySize(most)));
    else upload(show({ file, done: null, request: null }));
  }
  changed();
}

// What an earlier page of this tab had uploaded.
export function restore(files) {
  for (const done of files) {
    const chip = show({ file: done, done, request: null });
    chip.element.querySelector("progress").hidden = true;
  }
}

export function clear() {
  for (const { element } of chips) element.remove();
  chips = [];
  refuse("");
}

function show(chip) {
  const element = (chip.element = clone("chip-template"));
  const { name, size, type } = chip.file;
  element.querySelector(".name").textContent = name;
  element.querySelector("small").textContent = saySize(size);
  if (chip.file instanceof File && /^image\/(png|jpeg|gif|webp)$/.test(type)) {
    const image = new Image();
    image.alt = "";
    image.src = chip.url = URL.createObjectURL(chip.file);
    element.querySelector(".icon").replaceWith(image);
  }
  const cancel = element.querySelector("button");
  cancel.setAttribute("aria-label", fill(words.remove, name));
  cancel.onclick = () => remove(chip);
  list.append(element);
  chips.push(chip);
  return chip;
}

function remove(chip) {
  chip.request?.abort();
  chip.element.remove();
  chips = chips.filter((other) => other !== chip);
  refuse("");
  find("text").focus();
  changed();
}

async function upload(chip, again = false) {
  announce(fill(words.uploading, chip.file.name));
  try {
    if (!visitor.token) await session();
  } catch {
    return;
  }
  const request = (chip.request = new XMLHttpRequest());
  const progress = chip.element.querySelector("progress");
  const data = new FormData();
  data.set("file", chip.file, chip.file.name);
  request.open("POST", address("files/"));
  request.setRequestHeader("Authorization", `Bearer ${visitor.token}`);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("Accept-Language", language);
  request.upload.onprogress = ({ loaded, total }) => (progress.value = total ? loaded / total : 0);
  request.onerror = () => later(chip);
  request.onload = () => answered(chip, request, again);
  request.send(data);
}

function answered(chip, { status, responseText }, again) {
  chip.request = null;
  if (status === 401 && !again) return session().then(() => upload(chip, true), () => {});
  if (status !== 201 && status !== 200) {
    const said = refusal(status, responseText);
    if (said.passes) return later(chip);
    remove(chip);
    return refuse(said.message || fill(words.notUploaded, chip.file.name));
  }
  const { size, type } = chip.file;
  chip.done = { size, type, ...JSON.parse(responseText) };
  if (chip.url) preview(chip.done.id, chip.url);
  chip.element.querySelector("progress").hidden = true;
  changed();
}

function later(chip) {
  chip.request = null;
  clearTimeout(timer);
  timer = setTimeout(resume, AGAIN);
}

// The line is back, or some time has passed: try what did not get through.
export function resume() {
  for (const chip of chips) if (!chip.done && !chip.request) upload(chip);
}
