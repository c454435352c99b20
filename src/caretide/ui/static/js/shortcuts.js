// Keys of My day: j and k move through the rows, Enter opens (it is a link), / goes to the search.

function typing(target) {
  return target.closest("input, select, textarea, [contenteditable], dialog[open]");
}

function move(step) {
  const links = [...document.querySelectorAll("[data-rows] .row-link")];
  if (links.length === 0) {
    return;
  }
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
  links[next].focus();
  links[next].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) {
    return;
  }
  if (event.key === "j" || event.key === "k") {
    event.preventDefault();
    move(event.key === "j" ? 1 : -1);
  } else if (event.key === "/") {
    const search = document.querySelector('[data-shortcut="/"]');
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
});
