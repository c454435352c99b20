// A number key chooses how a try to reach the patient ended; Enter, on the choice, records it.

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=radio]), select, textarea, [contenteditable], dialog[open]");
  if (event.ctrlKey || event.metaKey || event.altKey || typing || !/^[0-9]$/.test(event.key)) {
    return;
  }
  const choice = document.querySelector(`[data-outcomes] input[data-key="${event.key}"]`);
  if (choice) {
    event.preventDefault();
    choice.closest("details")?.setAttribute("open", "");
    choice.checked = true;
    choice.focus();
  }
});
