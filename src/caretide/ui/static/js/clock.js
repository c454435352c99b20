// Keeps clocks running from the seconds that the server counted, and asks the server again whenever this page may be
// wrong: another tab changed the timer, the machine slept, the page came back from the back-forward cache.

const channel = new BroadcastChannel("caretide-timer");
const seen = new WeakMap();

function figures(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return seconds < 3600 ? rest : `${Math.floor(seconds / 3600)}:${rest}`;
}

function tick() {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    if (!seen.has(clock)) {
      seen.set(clock, Date.now() - Number(clock.dataset.elapsed) * 1000);
    }
    const text = figures(Math.max(0, Math.floor((Date.now() - seen.get(clock)) / 1000)));
    if (clock.textContent !== text) {
      clock.textContent = text;
    }
  }
}

function pane() {
  return document.querySelector("[data-timer]");
}

function refresh() {
  if (pane()) {
    window.htmx?.trigger(pane(), "timer-changed");
  }
}

// Only the timer's random key goes over the channel. A tab that shows another one asks the server; its answer is not
// announced again, so two tabs never talk in circles.
channel.addEventListener("message", (event) => {
  if (pane() && pane().dataset.timer !== event.data) {
    refresh();
  }
});

function announce() {
  if (pane()) {
    channel.postMessage(pane().dataset.timer);
  }
}

// A fresh pane must not cost the note that is being typed.
let draft = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target === pane()) {
    draft = { key: pane().dataset.timer, text: pane().querySelector("textarea")?.value ?? "" };
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  const note = pane()?.querySelector("textarea");
  if (note && draft?.text && draft.key === pane().dataset.timer) {
    note.value = draft.text;
  }
  draft = null;
  tick();
  if (event.detail.requestConfig?.verb === "post") {
    announce();
  }
});

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") {
    refresh();
  }
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    refresh();
  }
});

// A call can last longer than a session may idle. While contact is timed here, and for an hour after somebody last
// touched this page, the pane is asked for again, which keeps the session (js/session.js); the limit of twelve hours stands.
const EVERY_MS = 5 * 60 * 1000;
setInterval(() => {
  if (pane()?.dataset.timer) {
    refresh();
  }
}, EVERY_MS);

tick();
announce();
setInterval(tick, 250);
