// What the desk answers shows by itself: asked for every other second while somebody looks.
const PAUSE = 1500;
const bubbles = () => document.getElementById("bubbles");
const composer = document.getElementById("composer");

async function look() {
  const old = bubbles();
  if (!old || document.hidden) return;
  try {
    const answer = await fetch(`${old.dataset.news}?stamp=${encodeURIComponent(old.dataset.stamp)}`);
    if (answer.status === 200) put(old, await answer.text());
  } catch {
    // The stand-ins are away for a moment; the next look asks again.
  }
}

function put(old, html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const fresh = page.getElementById("bubbles");
  if (!fresh) return;
  document.getElementById("ledger").replaceWith(page.getElementById("ledger"));
  // What is being changed on a bubble stays as it is.
  if (old.querySelector("details[open]")) return;
  const came = fresh.querySelectorAll(".theirs").length > old.querySelectorAll(".theirs").length;
  const focused = document.activeElement === old;
  old.replaceWith(fresh);
  fresh.scrollTop = fresh.scrollHeight;
  if (focused) fresh.focus({ preventScroll: true });
  if (came) document.getElementById("said").textContent = document.getElementById("said").dataset.came;
}

async function send(event) {
  const form = event.target;
  if (!form.closest(".handset") || form.id === "dialler") return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  const own = form === composer;
  if (own) form.querySelector("button").disabled = true;
  const answer = await fetch(location.pathname, { method: "POST", body }).catch(() => null);
  if (own) form.querySelector("button").disabled = false;
  if (!answer?.ok) return form.submit();
  form.closest("details")?.removeAttribute("open");
  if (own) {
    form.reset();
    marked();
    form.querySelector("textarea").focus();
  }
  look();
}

function marked() {
  const picture = document.getElementById("picture");
  picture?.previousElementSibling.classList.toggle("chosen", picture.files.length > 0);
}

document.addEventListener("submit", send);
document.addEventListener("change", (event) => {
  marked();
  if (event.target.closest(".weather")) event.target.form.requestSubmit();
});
composer?.querySelector("textarea").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (event.target.value.trim() || document.getElementById("picture").files.length) composer.requestSubmit();
});
const list = bubbles();
if (list) list.scrollTop = list.scrollHeight;
setInterval(look, PAUSE);
document.addEventListener("visibilitychange", look);
