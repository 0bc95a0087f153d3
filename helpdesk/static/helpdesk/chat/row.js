// One message as it is drawn. An own message keeps its row from "sending" to "seen".
import { clone, fill, saySize, sayTime, words } from "chat/page";
import { ask } from "chat/visitor";

const FRESH = 240000; // addresses of files are good for five minutes

const previews = new Map(); // file id → what the visitor's own browser shows of it

export const preview = (id, url) => previews.set(id, url);
export const newRow = () => clone("row-template");

const part = (row, name) => row.querySelector(`.${name}`);

export function draw(row, entry) {
  row.className = `row ${entry.from}`;
  row.classList.toggle("withdrawn", Boolean(entry.withdrawn));
  row.dataset.at = entry.at;
  const time = row.querySelector("time");
  time.dateTime = new Date(entry.at).toISOString();
  time.textContent = sayTime(new Date(entry.at));
  const name = row.querySelector("b");
  name.textContent = entry.from === "you" ? words.you : entry.name;
  name.classList.toggle("unseen", entry.from === "you");
  part(row, "assistant").hidden = !entry.assistant;
  write(part(row, "text"), entry);
  const files = entry.withdrawn ? [] : entry.files;
  part(row, "files").replaceChildren(...files.map(drawFile));
  row.classList.toggle("picture", !entry.text && files.length > 0 && files.every(({ image }) => image));
}

function write(place, { withdrawn, html, text }) {
  if (withdrawn) place.textContent = words.withdrawn;
  else if (html) place.innerHTML = html; // the server's safe markup
  else place.textContent = text;
  for (const link of place.querySelectorAll("a[href]")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
}

function drawFile(file) {
  const item = clone("file-template");
  const link = item.querySelector("a");
  const url = file.url || previews.get(file.id);
  if (url) link.href = url;
  if (file.url) keepFresh(link, file);
  if (file.image && url) link.replaceChildren(picture(file, url, link));
  else {
    item.querySelector("span").textContent = file.name;
    item.querySelector("small").textContent = saySize(file.size);
  }
  return item;
}

function picture({ id, name, width, height, url: kept }, url, link) {
  const image = new Image();
  image.alt = name;
  image.loading = "lazy";
  if (width && height) [image.width, image.height] = [width, height];
  image.src = url;
  if (kept) image.addEventListener("error", () => renew(id).then((fresh) => (image.src = link.href = fresh), () => {}), { once: true });
  return image;
}

function keepFresh(link, { id }) {
  let drawn = Date.now();
  link.addEventListener("click", async (event) => {
    if (Date.now() - drawn < FRESH) return;
    event.preventDefault();
    link.href = await renew(id);
    drawn = Date.now();
    link.click();
  });
}

const renew = async (id) => (await ask(`files/${id}/`)).url;

// state: "sending" | "sent" | "seen" | "failed"
export function drawState(row, state, error, retry) {
  for (const one of ["sending", "sent", "seen", "failed"]) row.classList.toggle(one, one === state);
  const line = part(row, "state");
  const said = { sending: words.sending, sent: words.sent, seen: words.seen, failed: error ? `${words.notSent}: ${error}` : words.notSent }[state];
  line.querySelector("span").textContent = said;
  const button = line.querySelector("button");
  button.hidden = state !== "failed";
  button.onclick = retry;
}

const nameOf = (entry) => entry.name || document.title;
export const heardFrom = (entry) => fill(words.heard, nameOf(entry));
