// Where the visitor writes. The draft lies in the stash from the first key on.
import { find } from "chat/page";
import * as files from "chat/files";
import * as line from "chat/line";
import { stash } from "chat/stash";

const form = find("composer");
const text = find("text");
const button = find("send");
const TYPING = 2000;
const STILL = 5000;

let saved = 0;
let still = 0;
let typed = 0;
let sendWhenReady = false;
let send = () => {};

export const onSend = (does) => (send = does);
export const show = (on) => (form.hidden = !on);
export const focus = () => text.focus({ preventScroll: true });

function grow() {
  text.style.blockSize = "auto";
  text.style.blockSize = `${text.scrollHeight}px`;
  const empty = !text.value.trim() && files.none();
  button.setAttribute("aria-disabled", String(empty || sendWhenReady));
}

function save() {
  clearTimeout(saved);
  const draft = { text: text.value, files: files.ready() };
  stash.set("draft", draft.text || draft.files.length ? draft : null);
}

function changed() {
  grow();
  clearTimeout(saved);
  saved = setTimeout(save, 250);
}

function typing(on) {
  clearTimeout(still);
  if (on) still = setTimeout(typing, STILL, false);
  if (on && Date.now() - typed < TYPING) return;
  if (!on && !typed) return;
  typed = on ? Date.now() : 0;
  line.send({ do: "typing", on });
}

function submit() {
  const said = text.value.trim();
  sendWhenReady = files.busy();
  if (sendWhenReady) return grow();
  if (!said && files.none()) return;
  const attached = files.ready();
  text.value = "";
  files.clear();
  save();
  grow();
  typing(false);
  send(said, attached);
}

export function restore() {
  const draft = stash.get("draft");
  text.value = draft?.text ?? "";
  files.clear();
  files.restore(draft?.files ?? []);
  grow();
}

// The other tab wrote; here nobody does.
export const elsewhere = () => document.activeElement !== text && !files.busy() && restore();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
  focus();
});
text.addEventListener("input", () => {
  changed();
  typing(Boolean(text.value.trim()));
});
text.addEventListener("keydown", (event) => {
  // 229 and isComposing: Enter chooses a word there, it doesn't send.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  submit();
});
text.addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  files.add(event.clipboardData.files);
});
addEventListener("pagehide", save);

files.onFiles(() => {
  changed();
  if (sendWhenReady && !files.busy()) submit();
});
for (const [open, input] of [["attach", "pick"], ["camera", "shoot"]]) {
  find(open).addEventListener("click", () => find(input).click());
  find(input).addEventListener("change", ({ target }) => {
    files.add([...target.files]);
    target.value = "";
    focus();
  });
}

const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
let inside = 0;
function dragging(event, change) {
  if (!hasFiles(event)) return;
  event.preventDefault();
  inside = Math.max(0, inside + change);
  find("drop").hidden = form.hidden || !inside;
}
addEventListener("dragenter", (event) => dragging(event, 1));
addEventListener("dragleave", (event) => dragging(event, -1));
addEventListener("dragover", (event) => dragging(event, 0));
addEventListener("drop", (event) => {
  dragging(event, -Infinity);
  if (hasFiles(event) && !form.hidden) files.add([...event.dataTransfer.files]);
});
