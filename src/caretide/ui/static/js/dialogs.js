// Opens dialogs in place of the page that a link leads to, closes menus, and opens the form that a link points at.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog) {
    event.preventDefault();
    dialog.showModal();
    // What the dialog is for comes first, not the button that shuts it.
    dialog.querySelector(".dialog-body :is(input:not([type=hidden]), select, textarea, button, a[href])")?.focus();
    return;
  }
  const closer = event.target.closest("[data-close]");
  if (closer?.closest("dialog")) {
    event.preventDefault();
    closer.closest("dialog").close();
  }
  // A click on the backdrop lands on the dialog itself; a form that was begun is not lost by it.
  if (event.target.matches?.("dialog.drawer[open]") && !event.target.querySelector("form")) {
    event.target.close();
  }
  for (const menu of document.querySelectorAll("[data-menu][open]")) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") {
    return;
  }
  const menu = document.querySelector("[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

function openTarget() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target && (target.matches("details") ? target : target.querySelector("details"));
  if (details) {
    details.open = true;
    details.querySelector("input:not([type=hidden]), select, textarea")?.focus({ preventScroll: true });
  }
}

window.addEventListener("hashchange", openTarget);
// A second click on the same link changes no address, so no hashchange comes.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link && link.getAttribute("href") === location.hash) {
    openTarget();
  }
});
openTarget();
