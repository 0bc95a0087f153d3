{% load i18n %}{% get_available_languages as languages %}{% comment %}
  The one line a site embeds: a launcher, and the panel in a frame of our origin when somebody wants it. It asks
  nothing of the site's policy but script-src and frame-src of that origin: no inline style, no markup from strings, no
  request of its own. The visitor's token is kept here, first-party, because a frame's storage is divided by site.
  Between the two go flat messages {helpdesk: key, do|is: …} with exact origins: what the panel is told is "do", what it
  says is "is". These comments stay on the server.
{% endcomment %}(() => {
"use strict";
const key = "{{ key|escapejs }}", origin = "{{ origin|escapejs }}", color = "{{ color|escapejs }}", side = "{{ side|escapejs }}";
const words = { {% for code, name in languages %}{% language code %}{% translate "Chat" as chat %}{% translate "Open chat" as open %}{% translate "Open chat (%s new)" as fresh %}{% translate "Close chat" as close %}{% translate "The chat can’t be reached." as failed %}{% translate "Try again" as retry %}{% translate "Write to us" as write %}{% translate "The chat is not shown here: its settings do not name %s among its sites." as stranger %}
  {{ code }}: { chat: "{{ chat|escapejs }}", open: "{{ open|escapejs }}", fresh: "{{ fresh|escapejs }}", close: "{{ close|escapejs }}", failed: "{{ failed|escapejs }}", retry: "{{ retry|escapejs }}", write: "{{ write|escapejs }}", stranger: "{{ stranger|escapejs }}" },{% endlanguage %}{% endfor %}
};
const script = document.currentScript;
const queue = window.HelpdeskChat;
if (queue && !Array.isArray(queue)) return;
const page = document.documentElement;

const speaks = (tag) => Object.keys(words).find((code) => code === String(tag || "").toLowerCase().split("-")[0]);
const language = [script?.dataset.language, "{{ language|escapejs }}", page.lang, navigator.language].map(speaks).find(Boolean) || Object.keys(words)[0];
const say = words[language];
const theme = script?.dataset.theme || "{{ theme|escapejs }}";

{# Elsewhere the panel refuses its frame. The server decides; here it is only said, to whoever builds the site. #}
const sites = "{{ sites|escapejs }}".split(" ").filter(Boolean);
const isThis = (site) => {
  const host = site.includes(":") ? location.host : location.hostname;
  return site.startsWith("*.") ? host.endsWith(site.slice(1)) : host === site;
};
if (sites.length && location.origin !== origin && !sites.some(isThis)) return console.warn(say.stranger.replace("%s", location.host));

{# Memory, for the panel's things too: browsers give a frame of another site no storage, or forget it soon. #}
{# Each thing has its own name, so that two tabs never write over each other. #}
const spare = {};
const place = (name) => `helpdesk-chat:${key}:${name}`;
const box = (name) => window[name === "open" || name.startsWith("kept:tab:") ? "sessionStorage" : "localStorage"];
function remember(name, value) {
  delete spare[name];
  try {
    if (value === null) box(name).removeItem(place(name));
    else box(name).setItem(place(name), value);
  } catch {
    if (value !== null) spare[name] = value;
  }
}
function recall(name) {
  try {
    return spare[name] ?? box(name).getItem(place(name));
  } catch {
    return spare[name] ?? null;
  }
}
function kept() {
  const names = new Set(Object.keys(spare));
  for (const box of ["localStorage", "sessionStorage"]) {
    try {
      for (const name of Object.keys(window[box])) if (name.startsWith(place(""))) names.add(name.slice(place("").length));
    } catch {}
  }
  return Object.fromEntries([...names].filter((name) => name.startsWith("kept:")).map((name) => [name.slice(5), recall(name)]));
}

{# The look. Either black or white has 4.5:1 on any colour. #}
const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
const ink = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#111" : "#fff";
const near = side === "start" ? "inset-inline-start" : "inset-inline-end";
const corner = side === "start" ? "bottom left" : "bottom right";
const scheme = theme === "auto" ? "light dark" : theme;
const narrow = "(max-width:599.98px),(max-height:479.98px)";
const css = `
:host{all:initial!important;color-scheme:${scheme}!important;display:block!important;position:fixed!important;z-index:2147483000!important}
button{all:unset;box-sizing:border-box;cursor:pointer;-webkit-tap-highlight-color:transparent}
.launcher{position:fixed;inset-block-end:calc(20px + env(safe-area-inset-bottom,0px));${near}:calc(20px + max(env(safe-area-inset-left,0px),env(safe-area-inset-right,0px)));inline-size:56px;block-size:56px;border-radius:50%;border:2px solid transparent;background:${color};background-clip:border-box;color:${ink};box-shadow:0 1px 3px rgb(0 0 0/.18),0 6px 20px rgb(0 0 0/.16);display:grid;place-items:center;transition:transform .14s cubic-bezier(.2,.8,.2,1)}
.launcher:hover{transform:scale(1.05)}.launcher:active{transform:scale(.97)}
button:focus-visible,a:focus-visible{outline:3px solid #fff;outline-offset:0;box-shadow:0 0 0 6px #1b5fc1}
svg{grid-area:1/1;inline-size:26px;block-size:26px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round;transition:opacity .14s,transform .14s}
[aria-expanded=true] svg:first-child,[aria-expanded=false] svg:nth-child(2){opacity:0;transform:rotate(-30deg) scale(.6)}
.badge{position:absolute;inset-block-start:-6px;inset-inline-end:-6px;min-inline-size:22px;block-size:22px;box-sizing:border-box;padding-inline:5px;border-radius:11px;background:#c8102e;color:#fff;font:600 12px/22px system-ui,sans-serif;text-align:center;box-shadow:0 0 0 2px #fff}
.badge:empty{display:none}
.status{position:fixed;clip-path:inset(50%);inline-size:1px;block-size:1px;overflow:hidden}
.panel{position:fixed;inset-block-end:calc(92px + env(safe-area-inset-bottom,0px));${near}:20px;inline-size:min(392px,100vw - 40px);block-size:min(680px,100dvh - 116px);border-radius:16px;overflow:hidden;background:Canvas;box-shadow:0 0 0 1px rgb(0 0 0/.06),0 2px 6px rgb(0 0 0/.08),0 16px 48px rgb(0 0 0/.2);visibility:hidden;opacity:0;transform:translateY(8px) scale(.985);transform-origin:${corner};transition:opacity .16s,transform .16s cubic-bezier(.2,.8,.2,1),visibility 0s .16s}
.panel.open{visibility:visible;opacity:1;transform:none;transition-delay:0s}
iframe{display:block;border:0;inline-size:100%;block-size:100%;color-scheme:${scheme}}
.trouble{position:absolute;inset:0;display:grid;place-content:center;justify-items:center;gap:12px;background:Canvas;color:CanvasText;font:15px/1.5 system-ui,sans-serif}
.trouble p{margin:0}.trouble button,.trouble a{padding:9px 18px;border-radius:10px;background:${color};color:${ink};font-weight:500;text-decoration:none}.trouble a{background:none;color:inherit;text-decoration:underline}
[hidden]{display:none}
@media ${narrow}{.panel{inset:0;inline-size:100%;block-size:100dvh;border-radius:0;box-sizing:border-box;padding:env(safe-area-inset-top,0px) env(safe-area-inset-right,0px) env(safe-area-inset-bottom,0px) env(safe-area-inset-left,0px)}.launcher[aria-expanded=true]{display:none}}
@media (prefers-reduced-motion:reduce){*{transition:none!important}}
@media print{:host{display:none!important}}
@media (forced-colors:active){.launcher,.panel{border:2px solid ButtonText}}`;

const ns = "http://www.w3.org/2000/svg";
function make(tag, given = {}, ...inside) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) one.setAttribute(name, value);
  one.append(...inside);
  return one;
}
function drawing(...paths) {
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const d of paths) svg.appendChild(document.createElementNS(ns, "path")).setAttribute("d", d);
  return svg;
}

const host = make("helpdesk-chat");
const root = host.attachShadow({ mode: "open" });
if (root.adoptedStyleSheets) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
} else {
  const style = make("style", { nonce: script?.nonce || "" }, css);
  root.append(style);
}
const badge = make("span", { class: "badge", "aria-hidden": "true" });
const launcher = make("button", { type: "button", class: "launcher", "aria-expanded": "false", "aria-controls": "panel" },
  drawing("M2.992 16.342a2 2 0 0 1 .094 1.167l-1.065 3.29a1 1 0 0 0 1.236 1.168l3.413-.998a2 2 0 0 1 1.099.092 10 10 0 1 0-4.777-4.719"),
  drawing("m6 9 6 6 6-6"), badge);
const retry = make("button", { type: "button" }, say.retry);
const trouble = make("div", { class: "trouble", role: "alert", hidden: "" });
const panel = make("div", { class: "panel", id: "panel" }, trouble);
const status = make("span", { class: "status", role: "status" });
root.append(launcher, panel, status);

{# The frame #}
let frame = null, ready = false, patience = 0, waiting = [];
let isOpen = false, unread = 0, signed = "";
const here = () => location.origin + location.pathname;

function mount() {
  if (frame) return;
  frame = make("iframe", { title: say.chat, allow: "clipboard-write", src: `${origin}/w/${key}/panel/?language=${language}&theme=${theme}` });
  frame.addEventListener("load", greet);
  panel.prepend(frame);
  clearTimeout(patience);
  patience = setTimeout(giveUp, 15000);
}
{# Where the last page signed, this one will: to begin without would sign the visitor out. #}
let mayGreet = () => {};
const signing = new Promise((done) => (mayGreet = done));
async function greet() {
  const greeted = frame;
  if (recall("signed") && !signed) await Promise.race([signing, new Promise((done) => setTimeout(done, 4000))]);
  if (frame !== greeted) return;
  post({ do: "hello", token: recall("token"), open: isOpen, page: here(), signed, kept: kept() });
  clearTimeout(patience);
  if (!ready) patience = setTimeout(giveUp, 6000);
}
function giveUp() {
  unmount();
  trouble.replaceChildren(make("p", {}, say.failed), retry, make("a", { href: `${origin}/chat/${key}/`, target: "_blank", rel: "noopener" }, say.write));
  trouble.hidden = false;
  patience = setTimeout(again, 30000);
}
function again() {
  trouble.hidden = true;
  mount();
}
function unmount() {
  clearTimeout(patience);
  frame?.remove();
  frame = null;
  ready = false;
}
function post(what) {
  frame.contentWindow.postMessage({ helpdesk: key, ...what }, origin);
}
function tell(what) {
  if (ready) post(what);
  else if (frame) waiting.push(what);
}
const heard = {
  ready() {
    ready = true;
    clearTimeout(patience);
    for (const what of waiting.splice(0)) post(what);
    emit("ready");
  },
  token: ({ token }) => remember("token", token || null),
  talked: () => remember("talked", "1"),
  signed: ({ on }) => remember("signed", on ? "1" : null),
  keep: ({ name, value }) => remember(`kept:${name}`, value),
  unread: ({ count }) => (badged(count), emit("unread", count)),
  close: () => show(false),
  event: ({ name, detail }) => emit(name, detail),
};

{# What the page shows #}
let mark = "";
const bare = () => (mark && document.title.startsWith(mark) ? document.title.slice(mark.length) : document.title);
function titled() {
  const title = bare();
  mark = unread && (!isOpen || document.hidden) ? `(${unread}) ` : "";
  if (document.title !== mark + title) document.title = mark + title;
}
function badged(count) {
  status.textContent = count && !isOpen ? say.fresh.replace("%s", count) : "";
  unread = count;
  badge.textContent = count ? (count > 99 ? "99+" : String(count)) : "";
  label();
  titled();
}
function label() {
  launcher.setAttribute("aria-label", isOpen ? say.close : unread ? say.fresh.replace("%s", unread) : say.open);
}
const phone = matchMedia(narrow);
let scroll = null;
function fit() {
  const full = isOpen && phone.matches;
  {# The keyboard of a phone covers the page without making it smaller. #}
  const seen = full && window.visualViewport?.scale === 1 ? window.visualViewport : null;
  panel.style.blockSize = seen ? `${seen.height}px` : "";
  panel.style.insetBlockStart = seen ? `${seen.offsetTop}px` : "";
  panel.style.insetBlockEnd = seen ? "auto" : "";
  if (full && scroll === null) {
    scroll = page.style.overflow;
    page.style.overflow = "hidden";
  } else if (!full && scroll !== null) {
    page.style.overflow = scroll;
    scroll = null;
  }
}
function show(on, focus = true) {
  if (on === isOpen) return;
  isOpen = on;
  remember("open", on ? "1" : null);
  if (on) mount();
  launcher.setAttribute("aria-expanded", String(on));
  panel.classList.toggle("open", on);
  label();
  titled();
  fit();
  if (on && focus) frame.focus();
  tell({ do: on ? "open" : "close", focus, page: here() });
  if (!on && focus) launcher.focus();
  emit(on ? "open" : "close");
}

{# What the site may ask for #}
const listeners = {};
function emit(name, detail) {
  for (const listener of listeners[name] || []) {
    try {
      listener(detail);
    } catch (error) {
      console.error(error);
    }
  }
}
const api = {
  open: () => show(true),
  close: () => show(false),
  toggle: () => show(!isOpen),
  identify(jwt) {
    signed = String(jwt || "");
    mayGreet();
    if (frame) tell({ do: "identify", signed });
    else idle(mount);
  },
  logout() {
    signed = "";
    mayGreet();
    for (const name of ["token", "talked", "signed", ...Object.keys(kept()).map((name) => `kept:${name}`)]) remember(name, null);
    if (frame) tell({ do: "logout" });
    badged(0);
  },
  on(name, listener) {
    (listeners[name] ||= new Set()).add(listener);
    return () => listeners[name].delete(listener);
  },
  destroy() {
    ended.abort();
    watch.disconnect();
    isOpen = false;
    unread = 0;
    titled();
    fit();
    unmount();
    host.remove();
    delete window.HelpdeskChat;
  },
  push(...calls) {
    for (const [name, ...given] of calls) if (name !== "push") api[name]?.(...given);
  },
};

const ended = new AbortController();
const listen = (target, name, does) => target?.addEventListener(name, does, { signal: ended.signal });
const idle = (does) => (window.requestIdleCallback ? requestIdleCallback(does, { timeout: 3000 }) : setTimeout(does, 200));
const moved = () => tell({ do: "page", page: here() });
listen(launcher, "click", () => show(!isOpen));
listen(launcher, "pointerenter", () => idle(mount));
listen(launcher, "focus", () => idle(mount));
listen(root, "keydown", (event) => event.key === "Escape" && show(false));
listen(retry, "click", () => (again(), frame.focus()));
listen(window, "message", (event) => {
  const said = event.data;
  if (frame && event.source === frame.contentWindow && event.origin === origin && said?.helpdesk === key && Object.hasOwn(heard, said.is)) heard[said.is](said);
});
{# Another tab wrote, read, signed in or out. #}
listen(window, "storage", (event) => {
  const name = event.key?.startsWith(place("")) ? event.key.slice(place("").length) : "";
  if (name === "token") tell({ do: "token", token: recall(name) });
  if (name.startsWith("kept:")) tell({ do: "kept", name: name.slice(5), value: recall(name) });
});
listen(window, "popstate", moved);
listen(window.navigation, "currententrychange", moved);
listen(document, "visibilitychange", titled);
listen(phone, "change", fit);
listen(window.visualViewport, "resize", fit);
listen(window.visualViewport, "scroll", fit);

{# Frameworks that change pages in place swap the body, the title, at times everything. #}
const watch = new MutationObserver(() => {
  if (!host.isConnected) {
    unmount();
    page.append(host);
    if (isOpen) mount();
  }
  if (unread) titled();
});

function begin() {
  window.HelpdeskChat = api;
  label();
  page.append(host);
  watch.observe(page, { childList: true });
  watch.observe(document.head, { childList: true, subtree: true, characterData: true });
  if (recall("open")) idle(() => show(true, false));
  else if (recall("token") && recall("talked")) idle(mount);
  api.push(...(queue || []));
}
begin();
})();
