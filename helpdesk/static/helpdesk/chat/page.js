// What every module of the panel shares: the page's elements, its sentences, and how it says times and sizes.
export const key = document.body.dataset.key;
export const words = document.getElementById("words").dataset;
export const find = (id) => document.getElementById(id);

const html = document.documentElement;
export const language = html.lang;
export const fill = (sentence, ...given) => given.reduce((text, one) => text.replace("%s", () => one), sentence);
export const clone = (id) => find(id).content.firstElementChild.cloneNode(true);

// The page's language, and the reader's own way to count hours.
const { hourCycle } = new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions();
const clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit", hourCycle });
const date = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
const near = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const sizes = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
export const sayTime = (at) => clock.format(at);

export function sayDay(at) {
  const days = Math.round((new Date(at).setHours(12, 0, 0, 0) - new Date().setHours(12, 0, 0, 0)) / 86400000);
  return days > -2 && days < 1 ? near.format(days, "day") : date.format(at);
}

export function saySize(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999500 ? `${Math.round(bytes / 1000)} kB` : `${sizes.format(bytes / 1e6)} MB`;
}

// One short sentence for those who listen. Said again only when it is another one.
export function announce(text) {
  const region = find("said");
  if (region.textContent !== text) region.textContent = text;
}

// Runs one at a time; asked for while it runs, it runs once more.
export function steady(does) {
  let running = null;
  let again = false;
  return function run() {
    again = true;
    running ??= (async () => {
      try {
        while (again) {
          again = false;
          await does();
        }
      } finally {
        running = null;
      }
    })();
    return running;
  };
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
export const jitter = (tries, least = 500, most = 30000) => 100 + Math.random() * Math.min(most, least * 2 ** tries);

// Either black or white has 4.5:1 on any colour.
function paint(color) {
  if (!/^#[0-9a-f]{6}$/i.test(color)) return;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  html.style.setProperty("--brand", color);
  html.style.setProperty("--brand-ink", 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#111" : "#fff");
}

const theme = new URLSearchParams(location.search).get("theme");
if (theme === "light" || theme === "dark") html.dataset.theme = theme;
paint(document.body.dataset.color);
