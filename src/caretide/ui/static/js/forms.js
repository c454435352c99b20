// Small comforts of forms: show a password, focus the list of faults, pickers that act at once.

function prepare() {
  for (const button of document.querySelectorAll("[data-reveal][hidden], [data-palette][hidden], .menu [data-dialog][hidden]")) {
    button.hidden = false;
  }
  document.querySelector("[data-focus]")?.focus();
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

// A button that is off for a reason takes the focus, so that the reason is read, and does nothing.
document.addEventListener("click", (event) => {
  if (event.target.closest('[aria-disabled="true"]')) {
    event.preventDefault();
    event.stopPropagation();
  }
}, { capture: true });

document.addEventListener("change", (event) => {
  event.target.closest("form[data-auto-submit]")?.requestSubmit();
});

// A page that came in place has a token of its own; forms beside it, in the top bar, take it over.
document.addEventListener("htmx:afterSwap", () => {
  const token = JSON.parse(document.getElementById("main")?.getAttribute("hx-headers") ?? "{}")["x-csrf-token"];
  for (const field of token ? document.querySelectorAll("input[name=csrf_token]") : []) {
    field.value = token;
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.requestConfig?.verb === "post") {
    prepare();
  }
});
prepare();
