// What is said before a message is sent: as how many texts it is charged, counted as it is typed, and when it has
// its turn. `conversations/segments.py` cuts a draft in the same way.
import { field } from "desk/drafts";

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

// Of small sums as many digits as say something.
function priced(parts, { price = "", currency }) {
  if (!price) return "";
  const total = Number((parts * price).toFixed(4));
  const digits = { minimumFractionDigits: Number.isInteger(total) ? 0 : 2, maximumFractionDigits: 4 };
  return `${new Intl.NumberFormat(document.documentElement.lang, digits).format(total)} ${currency}`;
}

// As how many texts a message is charged.
function charged(line, letters, inbox) {
  const { plain, extended, one, many, about, left, short } = line.dataset;
  const isPlain = letters.every((letter) => plain.includes(letter) || extended.includes(letter));
  const [parts, places] = cut(letters, isPlain, extended);
  const price = priced(parts, inbox);
  return [
    (parts === 1 ? one : many).replace("%n", parts),
    price && about.replace("%p", price),
    left.replace("%l", places),
    isPlain ? "" : short,
  ];
}

export function showSegments(form) {
  const line = form.querySelector("[data-segments]");
  if (!line) return;
  const inbox = field(form, "inbox")?.selectedOptions?.[0]?.dataset ?? {};
  const way = field(form, "identity")?.selectedOptions?.[0]?.dataset ?? inbox;
  const most = Number(way.most ?? 0);
  const written = field(form, "text").value.trim().replaceAll("\r\n", "\n");
  const isOver = most > 0 && written.length > most;
  const told = way.kind === "phone" && written ? charged(line, [...written], inbox) : [];
  const said = [...told, inbox.waits].filter(Boolean).join(" · ");
  line.classList.toggle("bad", isOver);
  line.textContent = isOver ? line.dataset.over.replace("%l", written.length).replace("%m", most) : said;
  line.hidden = !line.textContent;
}

// Where one writes first.
document.addEventListener("input", ({ target }) => {
  const form = target.closest("form[data-charges]");
  if (form) showSegments(form);
});
