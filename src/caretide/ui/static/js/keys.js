// Keys, read from the list in the help dialog (#keys-dialog), so that what is shown and what works are one table.

import { openPalette } from "./palette.js";

const PAUSE_MS = 1200;
let before = "";
let cleared = 0;

function typing(target) {
  return target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable], dialog[open]");
}

function move(step) {
  const links = [...document.querySelectorAll("[data-rows] .row-link")].filter((link) => link.checkVisibility());
  if (links.length === 0) {
    return;
  }
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
  links[next].focus();
  links[next].scrollIntoView({ block: "nearest" });
}

function search() {
  const field = [...document.querySelectorAll('[data-shortcut="/"]')].find((each) => each.checkVisibility());
  if (field) {
    field.focus();
    field.select();
  } else {
    openPalette();
  }
}

const ACTS = {
  palette: () => openPalette(),
  search,
  next: () => move(1),
  previous: () => move(-1),
  help: () => document.getElementById("keys-dialog").showModal(),
  go: (row) => location.assign(row.dataset.href),
};

function rowOf(keys) {
  return [...document.querySelectorAll("#keys-dialog [data-keys]")].find((row) => row.dataset.keys === keys);
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    const row = rowOf(`Mod+${event.key.toLowerCase()}`);
    if (row && ACTS[row.dataset.act]) {
      event.preventDefault();
      ACTS[row.dataset.act](row);
    }
    return;
  }
  if (event.altKey || event.ctrlKey || event.metaKey || event.key.length !== 1 || typing(event.target)) {
    return;
  }
  const row = rowOf(before ? `${before} ${event.key}` : event.key);
  before = !before && event.key === "g" ? "g" : "";
  clearTimeout(cleared);
  cleared = setTimeout(() => { before = ""; }, PAUSE_MS);
  if (row && ACTS[row.dataset.act]) {
    event.preventDefault();
    ACTS[row.dataset.act](row);
  }
});

if (/Mac|iPhone|iPad/.test(navigator.userAgent)) {
  for (const key of document.querySelectorAll("kbd[data-mod]")) {
    key.textContent = "⌘";
  }
}
