// Words after an action: they come with the page, in a header of an answer (HX-Trigger: {"toast": {...}}) or from a script,
// and go by themselves, but not while somebody reads them with the pointer or the focus on them. A failure stays.

document.documentElement.classList.add("scripted");

const STAYS_MS = 6000;
const timers = new WeakMap();

function dismiss(toast) {
  clearTimeout(timers.get(toast));
  toast.remove();
}

function wait(toast) {
  clearTimeout(timers.get(toast));
  if (!toast.matches(".toast-bad")) {
    timers.set(toast, setTimeout(() => dismiss(toast), STAYS_MS));
  }
}

function prepare(toast) {
  if (toast.dataset.ready) {
    return;
  }
  toast.dataset.ready = "yes";
  for (const kind of ["pointerenter", "focusin"]) {
    toast.addEventListener(kind, () => clearTimeout(timers.get(toast)));
  }
  for (const kind of ["pointerleave", "focusout"]) {
    toast.addEventListener(kind, () => wait(toast));
  }
  toast.querySelector("[data-dismiss]").addEventListener("click", () => dismiss(toast));
  wait(toast);
}

function prepareAll() {
  document.querySelectorAll("#toasts > [data-toast]").forEach(prepare);
}

export function showToast(tone, text, retry) {
  const kit = document.getElementById("toast-icons")?.content;
  const model = kit?.querySelector(`.toast-${tone}`);
  const place = document.getElementById("toasts");
  if (!model || !place) {
    return;
  }
  const toast = model.cloneNode(true);
  toast.querySelector("p").textContent = text;
  if (retry) {
    const button = kit.querySelector("[data-retry]").cloneNode(true);
    button.addEventListener("click", () => {
      dismiss(toast);
      retry();
    });
    toast.querySelector("p").after(button);
  }
  for (const earlier of place.querySelectorAll(".toast-bad")) {
    if (tone === "bad") {
      dismiss(earlier);
    }
  }
  place.append(toast);
  prepare(toast);
}

document.addEventListener("toast", (event) => showToast(event.detail.tone ?? "good", event.detail.text ?? ""));
document.addEventListener("htmx:afterSettle", prepareAll);
prepareAll();
