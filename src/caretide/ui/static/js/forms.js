// Small comforts of forms: show a password, focus the list of faults, pickers that act at once, a word when a request fails.

document.documentElement.classList.add("scripted");

function prepare() {
  for (const button of document.querySelectorAll("[data-reveal][hidden]")) {
    button.hidden = false;
  }
  document.querySelector("[data-focus]")?.focus();
}

function toast(text) {
  const note = document.createElement("p");
  note.className = "toast";
  note.textContent = text;
  document.getElementById("toasts")?.append(note);
  setTimeout(() => note.remove(), 6000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveal]");
  if (button) {
    const input = document.getElementById(button.dataset.reveal);
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
  }
  event.target.closest("[data-select]")?.select();
});

document.addEventListener("change", (event) => {
  event.target.closest("form[data-auto-submit]")?.requestSubmit();
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.requestConfig?.verb === "post") {
    prepare();
  }
});
// An error comes as a whole page: show its main part, wherever the request was going to put its answer.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status < 400) {
    return;
  }
  if (xhr.responseText.includes('id="main"')) {
    event.detail.target = document.getElementById("main");
    event.detail.selectOverride = "#main";
    event.detail.swapOverride = "outerHTML";
  } else {
    event.detail.shouldSwap = false;
    toast(`Something went wrong (${xhr.status}). Reload to see what was saved.`);
  }
});

document.addEventListener("htmx:sendError", () => toast("No connection. Nothing was saved; try again."));
document.addEventListener("htmx:timeout", () => toast("No answer in time. Reload to see what was saved."));

prepare();
