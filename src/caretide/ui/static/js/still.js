// A timer that runs on without input asks whether somebody still works. The server keeps its own account of when it last
// saw its person: this page tells it, once a minute while there is input, when that was, and asks in its name.

const TELL_MS = 60 * 1000;
const dialog = document.getElementById("still-dialog");
const form = dialog?.querySelector("[data-still]");
const channel = new BroadcastChannel("caretide-still");
let touched = Date.now();
let told = Date.now();

const running = () => document.querySelector("#running-slot [data-asks-after]");
const quietFor = () => String(Math.max(0, Math.round((Date.now() - touched) / 1000)));

for (const kind of ["pointerdown", "keydown", "input"]) {
  document.addEventListener(kind, () => {
    // What is done to the question is no work: its answer says what was.
    if (!dialog?.open) {
      touched = Date.now();
    }
  }, { passive: true, capture: true });
}

function send(path, fields) {
  const token = form.querySelector("input[name=csrf_token]").value;
  const body = new URLSearchParams({ csrf_token: token, ...fields });
  const headers = { "x-csrf-token": token, "hx-request": "true" };
  return fetch(path, { method: "POST", headers, body, redirect: "manual" });
}

async function tell() {
  told = Date.now();
  const answer = await send("/timer/alive", { quiet_for: quietFor() }).catch(() => null);
  if (answer?.ok) {
    channel.postMessage(touched);
  }
}

function ask(timer) {
  const since = new Date(touched).toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit" });
  dialog.querySelector("[data-still-since]").textContent = since;
  dialog.querySelector("[data-still-who]").textContent = timer.querySelector(".running-name").textContent;
  form.elements.timer.value = timer.dataset.key;
  form.elements.next.value = location.pathname;
  dialog.showModal();
  form.querySelector("button").focus();
}

function look() {
  const timer = running();
  const quiet = Date.now() - touched;
  if (dialog.open && (!timer || quiet < Number(timer.dataset.asksAfter) * 1000)) {
    dialog.close();
  } else if (timer && !dialog.open && quiet >= Number(timer.dataset.asksAfter) * 1000) {
    ask(timer);
  } else if (timer && !dialog.open && touched > told && Date.now() - told > TELL_MS) {
    tell();
  }
}

// Another tab of the same person counts as this one.
channel.addEventListener("message", (event) => { touched = Math.max(touched, Number(event.data) || 0); });

async function went(answer) {
  const done = await send("/timer/answer", {
    timer: form.elements.timer.value, quiet_for: quietFor(), next: location.pathname, answer,
  }).catch(() => null);
  if (!done?.ok) {
    location.reload();
    return;
  }
  touched = told = Date.now();
  channel.postMessage(touched);
  dialog.close();
  const pane = document.querySelector("[data-timer]");
  if (pane) {
    window.htmx?.trigger(pane, "timer-changed");
  }
}

if (dialog) {
  form.addEventListener("submit", (event) => {
    const answer = event.submitter?.value;
    form.elements.quiet_for.value = quietFor();
    if (answer === "keep" || answer === "call") {
      // What else is being typed on this page stays.
      event.preventDefault();
      went(answer);
    }
  });
  // However it is shut, its person is there; what they did since is theirs to say, on the timer's own page.
  const back = () => {
    const quiet = quietFor();
    touched = told = Date.now();
    send("/timer/alive", { quiet_for: "0" }).then(() => {
      const pane = document.querySelector("[data-timer]");
      if (pane && Number(quiet) > 0) {
        window.htmx?.trigger(pane, "timer-changed");
      }
    }).catch(() => null);
  };
  dialog.addEventListener("cancel", back);
  dialog.querySelector("[data-close]").addEventListener("click", back);
  setInterval(look, 1000);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") {
      look();
    }
  });
}
