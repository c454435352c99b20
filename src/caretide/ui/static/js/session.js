// A session locks after fifteen minutes without a sign of its person. Input is one, and so is contact that is timed on this
// page, for an hour after the last input; that a page is open is none, and requests that nobody caused say so (W-01).
// Two minutes before, the page asks; other tabs of the same person count as this one.

const idleMs = Number(document.body.dataset.idle ?? 0) * 1000;
const WARN_MS = 2 * 60 * 1000;
const CALL_MS = 60 * 60 * 1000;
const TELL_MS = 60 * 1000;
const dialog = document.getElementById("idle-dialog");
const channel = new BroadcastChannel("caretide-session");
let touched = Date.now();
let told = Date.now();

for (const kind of ["pointerdown", "keydown", "input"]) {
  document.addEventListener(kind, () => { touched = Date.now(); }, { passive: true, capture: true });
}

function alive() {
  const onCall = document.querySelector("[data-timer][data-call]") !== null;
  return Date.now() - touched < (onCall ? CALL_MS : TELL_MS);
}

function heard() {
  told = Date.now();
  if (dialog?.open) {
    dialog.close();
  }
}

async function stay() {
  const token = document.querySelector('input[name="csrf_token"]')?.value ?? "";
  const answer = await fetch("/me/stay", { method: "POST", headers: { "x-csrf-token": token }, redirect: "manual" });
  if (answer.ok) {
    heard();
    channel.postMessage("alive");
  } else {
    leave();
  }
}

function leave() {
  location.assign(`/sign-in/again?next=${encodeURIComponent(location.pathname)}`);
}

document.addEventListener("htmx:configRequest", (event) => {
  if (!alive()) {
    event.detail.headers["x-caretide-quiet"] = "1";
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && !event.detail.requestConfig.headers["x-caretide-quiet"]) {
    told = Date.now();
    channel.postMessage("alive");
  }
});

channel.addEventListener("message", heard);

function look() {
  const left = idleMs - (Date.now() - told);
  if (left <= 0) {
    leave();
  } else if (left <= WARN_MS && !dialog.open) {
    dialog.showModal();
    dialog.querySelector("[data-stay]").focus();
  } else if (touched > told && Date.now() - told > TELL_MS && !dialog.open) {
    stay();
  }
  if (dialog.open) {
    const seconds = Math.ceil(left / 1000);
    const text = seconds > 60 ? "2 minutes" : seconds > 30 ? "a minute" : "half a minute";
    const shown = dialog.querySelector("[data-idle-left]");
    if (shown.textContent !== text) {
      shown.textContent = text;
    }
  }
}

if (idleMs && dialog) {
  dialog.querySelector("[data-stay]").addEventListener("click", stay);
  // However it is closed, its person was here.
  dialog.addEventListener("cancel", stay);
  dialog.querySelector("[data-close]").addEventListener("click", stay);
  setInterval(look, 1000);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") {
      look();
    }
  });
}
