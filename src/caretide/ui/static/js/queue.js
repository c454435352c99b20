// The queue beside a patient: marks where the page is, and lends its rows to the drawer of narrow screens.

function mark() {
  const pane = document.querySelector("[data-queue]");
  for (const link of pane?.querySelectorAll("a.queue-row") ?? []) {
    if (link.pathname === location.pathname) {
      link.setAttribute("aria-current", "page");
      // Not scrollIntoView: it would scroll the page as well.
      pane.scrollTop = Math.max(0, link.offsetTop - pane.offsetTop - 120);
    }
  }
}

document.addEventListener("click", (event) => {
  const copy = event.target.closest('[data-dialog="queue-drawer"]') && document.querySelector("[data-queue-copy]");
  const rows = document.querySelector("[data-queue] .queue-list");
  if (copy && rows) {
    copy.replaceChildren(rows.cloneNode(true));
  }
}, { capture: true });

document.addEventListener("htmx:afterSettle", mark);
mark();
