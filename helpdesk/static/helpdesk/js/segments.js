// How phone networks cut a text message, as it is typed: `conversations/segments.py` says the same of a draft.
import { field, text } from "desk/drafts";

const sizeOf = (letter, plain, extended) => (plain ? 1 + extended.includes(letter) : letter.length);

function cut(letters, plain, extended) {
  const sizes = letters.map((letter) => sizeOf(letter, plain, extended));
  const [alone, joined] = plain ? [160, 153] : [70, 67];
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= alone) return [Number(total > 0), alone - total];
  let [parts, used] = [1, 0];
  for (const size of sizes) {
    if (used + size > joined) [parts, used] = [parts + 1, 0];
    used += size;
  }
  return [parts, joined - used];
}

export function showSegments(form) {
  const line = form.querySelector("[data-segments]");
  if (!line) return;
  const most = Number(field(form, "identity")?.selectedOptions?.[0]?.dataset.most ?? 0);
  const length = text(form).value.trim().replaceAll("\r\n", "\n").length;
  const isOver = most > 0 && length > most;
  line.hidden = form.dataset.kind !== "phone" && !isOver;
  line.classList.toggle("bad", isOver);
  const { plain, extended, words, short, over } = line.dataset;
  if (isOver) return void (line.textContent = over.replace("%l", length).replace("%m", most));
  const letters = [...text(form).value.trim().replaceAll("\r\n", "\n")];
  const isPlain = letters.every((letter) => plain.includes(letter) || extended.includes(letter));
  const [parts, places] = cut(letters, isPlain, extended);
  line.textContent = words.replace("%p", parts).replace("%l", places) + (isPlain ? "" : ` · ${short}`);
}
