// One short sentence at the foot of the window. Never the only place where something is said.
import { words } from "desk/words";

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

document.addEventListener("click", (event) => event.target.closest("[data-close]")?.closest(".banner").remove());
