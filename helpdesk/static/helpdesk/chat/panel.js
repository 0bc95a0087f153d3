// The chat: ties the line to the transcript, the composer to the outbox, and the whole to the page around it.
import { announce, fill, find, pause, words } from "chat/page";
import * as about from "chat/about";
import * as composer from "chat/composer";
import * as files from "chat/files";
import * as line from "chat/line";
import * as outbox from "chat/outbox";
import * as reading from "chat/reading";
import { heardFrom } from "chat/row";
import { address } from "chat/server";
import { begin, framed, on, site, tell } from "chat/site";
import { stash } from "chat/stash";
import * as transcript from "chat/transcript";
import { ask, onSession, session, visitor } from "chat/visitor";

const thread = find("thread");
const GRACE = 1500;
const STALE = 600000;
const DAY = 86400000;
let earlier = false;

// State of the line: nothing is said of a gap shorter than a moment.
let grace = 0;
function sayLine(state, why) {
  const strip = find("line");
  clearTimeout(grace);
  document.body.dataset.line = state;
  const tellThem = () => {
    strip.dataset.state = state;
    strip.hidden = false;
    strip.textContent = { catching: words.catching, offline: words.offline }[state] ?? (why || words.live);
    strip.classList.toggle("unseen", state === "live");
  };
  if (state === "live") {
    tellThem();
    files.resume();
    outbox.hurry();
  } else grace = setTimeout(tellThem, GRACE);
}

function dressed() {
  const { settings } = visitor;
  if (!settings) return;
  find("title").textContent = settings.title || document.title;
  find("hours").textContent = settings.reply_words;
  document.body.classList.toggle("open", settings.open);
  transcript.greet(settings.greeting, settings.title);
  saySound();
}

onSession((answer, change) => {
  tell({ is: "signed", on: answer.signed });
  if (change) forget(change === "person");
  dressed();
  about.prepare();
  about.mayAsk(answer.settings.ask_email);
});

// Somebody else is in front of the screen, or nobody we know: nothing of before may show, or go out in their name.
function forget(everything) {
  if (everything) {
    stash.clear();
    composer.restore();
  }
  outbox.forgetKept();
  reading.forget();
  transcript.clear();
  line.restart();
}

line.listen({
  state: sayLine,
  reset: () => (reading.forget(), transcript.clear()),
  entries(answer, first) {
    const stay = first || transcript.atEnd();
    const isQuiet = first || !reading.inSight();
    let fresh = [];
    const put = () => (fresh = transcript.take(answer));
    if (isQuiet) transcript.silently(put);
    else put();
    if (first) sayEarlier(answer.earlier);
    noted(fresh, first);
    if (stay) transcript.toEnd();
    if (first) restoreScroll();
    about.prepare();
    about.mayAsk(answer.ask_email);
  },
  frame(frame) {
    if (frame.is === "ready") sayHere();
    if (frame.is === "typing") sayTyping(frame.on ? frame.name : "");
    if (frame.is === "seen") transcript.seen(frame.rev);
  },
});

function noted(fresh, first) {
  const answers = fresh.filter(({ from, withdrawn }) => from === "us" && !withdrawn);
  for (const { id, rev } of answers) reading.add(transcript.rowOf(id), rev);
  reading.settle();
  if (fresh.some(({ from }) => from === "you")) tell({ is: "talked" });
  if (first || !answers.length) return;
  for (const { id } of fresh) transcript.rowOf(id).classList.add("fresh");
  sayTyping("");
  tell({ is: "event", name: "message", detail: answers.length });
  if (!reading.inSight()) {
    chime();
    announce(heardFrom(answers.at(-1)));
  }
}

let typing = 0;
function sayTyping(name) {
  clearTimeout(typing);
  const stay = transcript.atEnd();
  const place = find("typing");
  const text = name && fill(words.typing, name);
  if (text) {
    place.lastElementChild.textContent = text;
    if (place.hidden) announce(text);
    typing = setTimeout(sayTyping, 5000, "");
  } else if (!place.hidden) announce("");
  place.hidden = !text;
  if (stay && text) transcript.toEnd();
}

const sayHere = () => line.send({ do: "here", on: reading.inSight() });

// Scrolling: back to where it was, older above, newer below.
function restoreScroll() {
  const kept = stash.get("tab:scroll");
  const view = transcript.scroller();
  const row = reading.firstUnseen();
  if (row) row.scrollIntoView({ block: "nearest" });
  else if (kept) view.scrollTop = view.scrollHeight - kept;
}

let scrolling = 0;
function scrolled() {
  const view = transcript.scroller();
  const end = transcript.atEnd();
  clearTimeout(scrolling);
  scrolling = setTimeout(() => stash.set("tab:scroll", end ? null : Math.round(view.scrollHeight - view.scrollTop)), 200);
  sayNewer();
  if (earlier && view.scrollTop < 200) fetchEarlier();
}

function sayNewer() {
  const button = find("newer");
  button.hidden = transcript.atEnd() || !reading.count();
  button.lastElementChild.textContent = fill(words.newer, reading.count());
}

function sayEarlier(more) {
  earlier = Boolean(more);
  find("earlier").hidden = !earlier;
  thread.classList.toggle("cut", earlier);
}

async function fetchEarlier() {
  earlier = false;
  const first = transcript.oldest();
  const isOurs = line.thisLife();
  try {
    const answer = await ask(`since/?before=${encodeURIComponent(first.id)}`);
    if (!isOurs()) return;
    transcript.takeEarlier(answer.entries);
    sayEarlier(answer.earlier);
  } catch {
    await pause(2000);
    if (isOurs()) earlier = true;
  }
}

// One short sound, if asked for.
const sound = find("sound");
function chime() {
  if (sound.getAttribute("aria-pressed") !== "true") return;
  const audio = new AudioContext();
  const volume = audio.createGain();
  volume.connect(audio.destination);
  volume.gain.setValueAtTime(0.06, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 0.5);
  for (const [pitch, at] of [[660, 0], [880, 0.12]]) {
    const tone = audio.createOscillator();
    tone.frequency.value = pitch;
    tone.connect(volume);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + 0.5);
  }
  setTimeout(() => audio.close(), 800);
}
sound.addEventListener("click", () => {
  stash.set("sound", sound.getAttribute("aria-pressed") !== "true");
  saySound();
  chime();
});
const saySound = () => sound.setAttribute("aria-pressed", String(stash.get("sound") ?? visitor.settings?.sound ?? false));

// Opening and closing
function opened(focus) {
  site.open = true;
  line.start();
  // Hours change. A signed visitor's session is the site's to renew.
  if (visitor.at && !visitor.signed && Date.now() - visitor.at > STALE) session().catch(() => {});
  reading.look();
  sayHere();
  const row = reading.firstUnseen();
  if (row) row.scrollIntoView({ block: "nearest" });
  if (focus) moveIn();
}

// On a phone the keyboard would cover what there is to read.
function moveIn() {
  if (matchMedia("(pointer:coarse)").matches) find("title").focus();
  else if (about.isAsking()) about.focus();
  else composer.focus();
}

function closed() {
  site.open = false;
  sayHere();
  about.leave();
}

on("hello", ({ token, open, signed, kept }) => {
  stash.fill(kept, (name, value) => tell({ is: "keep", name, value }));
  visitor.token = token || null;
  visitor.settings = stash.get("settings");
  dressed();
  composer.restore();
  outbox.forgetKept(DAY);
  transcript.drawPending();
  about.prepare();
  find("close").hidden = !framed;
  tell({ is: "ready" });
  if (signed) session(signed).catch(() => {});
  if (open) opened(false);
  else if (token || signed) line.start();
  transcript.toEnd();
});
on("kept", ({ name, value }) => stash.heard(name, value));
on("open", ({ focus }) => opened(focus));
on("close", closed);
on("identify", ({ signed }) => {
  const started = visitor.token;
  session(signed).then(() => started || line.start(), () => {});
});
on("logout", () => {
  visitor.token = null;
  visitor.seen = 0;
  forget(true);
});
// Another tab of the site has another token by now.
on("token", ({ token }) => {
  if (token === visitor.token) return;
  visitor.token = token || null;
  visitor.seen = 0;
  forget(!token);
});

composer.onSend((text, attached) => {
  outbox.post(text, attached);
  transcript.toEnd();
});
outbox.onMoved(() => {
  const stay = transcript.atEnd();
  transcript.drawPending();
  if (stay) transcript.toEnd();
});
outbox.introduceWith(about.introduction, about.introduced);
reading.onUnseen(sayNewer);
stash.watch((name) => {
  if (name.startsWith("out:")) transcript.drawPending();
  if (name === "draft") composer.elsewhere();
  if (name === "seen") reading.elsewhere();
  if (name === "about" || name === "asked") about.prepare();
});

thread.addEventListener("scroll", scrolled, { passive: true });
addEventListener("scroll", scrolled, { passive: true });
find("newer").addEventListener("click", () => reading.firstUnseen()?.scrollIntoView({ block: "start" }));
find("earlier").addEventListener("click", fetchEarlier);
find("close").addEventListener("click", () => tell({ is: "close" }));
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) tell({ is: "close" });
});

document.addEventListener("visibilitychange", () => {
  sayHere();
  if (document.hidden) return;
  line.wake();
  reading.look();
});
addEventListener("online", () => (line.wake(), outbox.hurry()));
addEventListener("offline", line.sleep);
addEventListener("pageshow", ({ persisted }) => persisted && (line.wake(), outbox.hurry()));
addEventListener("pagehide", () => {
  if (!visitor.token || transcript.isEmpty()) return;
  navigator.sendBeacon(address("leave/"), JSON.stringify({ token: visitor.token, seen: visitor.seen }));
});

begin();
