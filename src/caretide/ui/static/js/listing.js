// Lists swap in place: the links and the filter form of a [data-listing] card fetch the page they lead to and put its card
// where this one stands; the address follows, so that a reload or a copied link shows the same. Every request shows that
// it is on its way, and a request that fails says so and can be tried again.

import { showToast } from "./toasts.js";

function swap(card, address) {
  window.htmx.ajax("GET", address, { source: card, target: card, select: `#${card.id}`, swap: "outerHTML show:none" });
  history.replaceState(null, "", address);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  const card = link?.closest("[data-listing]");
  if (card && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    swap(card, link.getAttribute("href"));
  }
});

document.addEventListener("submit", (event) => {
  const card = event.target.matches(".filter-bar") && event.target.closest("[data-listing]");
  if (card) {
    event.preventDefault();
    const sent = [...new FormData(event.target)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(sent).toString();
    swap(card, event.target.getAttribute("action") + (query ? `?${query}` : ""));
  }
});

// The head or filter that was used is a new element after the swap: focus goes to its like.
let used = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const at = event.detail.target;
  const inside = at?.matches?.("[data-listing]") && at.contains(document.activeElement) && document.activeElement;
  used = inside ? { card: at.id, tag: inside.tagName, name: inside.name, text: inside.textContent.trim() } : null;
});
document.addEventListener("htmx:afterSettle", () => {
  const card = used && document.getElementById(used.card);
  const like = [...(card?.querySelectorAll(used.tag) ?? [])].find((each) =>
    used.name ? each.name === used.name : each.textContent.trim() === used.text);
  like?.focus({ preventScroll: true });
  used = null;
});

let open = 0;
function busy(step, element) {
  open = Math.max(0, open + step);
  document.documentElement.classList.toggle("is-busy", open > 0);
  if (element instanceof Element) {
    element.toggleAttribute("aria-busy", false);
    if (step > 0) {
      element.setAttribute("aria-busy", "true");
    }
  }
}
document.addEventListener("htmx:beforeRequest", (event) => busy(1, event.detail.target));
document.addEventListener("htmx:afterRequest", (event) => busy(-1, event.detail.target));

// A form is sent again as it stands now; anything else is asked for again.
function again(detail) {
  const { elt, requestConfig: config, target } = detail;
  if (elt?.matches?.("form")) {
    return () => elt.requestSubmit();
  }
  return () => window.htmx.ajax(config.verb.toUpperCase(), config.path, { source: elt, target });
}

// An error comes as a whole page: show its main part, wherever the request was going to put its answer.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status < 400) {
    return;
  }
  if (event.detail.target.matches("[data-queue]")) {
    // Nobody asked for it: what is missing is said in its place.
    event.detail.shouldSwap = false;
    event.detail.target.textContent = "The queue did not load.";
  } else if (xhr.responseText.includes('id="main"')) {
    event.detail.target = document.getElementById("main");
    event.detail.selectOverride = "#main";
    event.detail.swapOverride = "outerHTML";
  } else {
    event.detail.shouldSwap = false;
    showToast("bad", `Something went wrong (${xhr.status}). Reload to see what was saved.`, again(event.detail));
  }
});
document.addEventListener("htmx:sendError", (event) => {
  showToast("bad", "No connection. Nothing was saved.", again(event.detail));
});
document.addEventListener("htmx:timeout", (event) => {
  showToast("bad", "No answer in time. Reload to see what was saved.", again(event.detail));
});
