// The command palette: places (in the page), actions (every [data-command] of the page) and patients (asked for by a POST).
// A listbox under a combobox: arrows move, Enter goes, Escape closes. What was found is forgotten when it closes.

const palette = document.getElementById("palette");
const input = document.getElementById("palette-input");
const list = document.getElementById("palette-list");
const WAIT_MS = 160;
let timer = 0;
let asked = null;
let actions = [];
let patients = [];

const places = [...(list?.querySelectorAll("[role=option]") ?? [])];
const icon = (name) => document.querySelector("#palette-icons")?.content.querySelector(`[data-icon=${name}] svg`).cloneNode(true);

function fits(option, text) {
  return text.toLowerCase().split(/\s+/).every((word) => option.textContent.toLowerCase().includes(word));
}

function actionOption(element, index) {
  const option = document.createElement("div");
  option.className = "palette-option";
  option.id = `action-${index}`;
  option.setAttribute("role", "option");
  option.dataset.group = "On this page";
  const text = document.createElement("span");
  text.className = "palette-text";
  text.textContent = element.dataset.command;
  option.append(icon("action"), text);
  option.act = () => element.click();
  return option;
}

function heading(text) {
  const line = document.createElement("div");
  line.className = "palette-group";
  line.setAttribute("role", "presentation");
  line.textContent = text;
  return line;
}

function options() {
  return [...list.querySelectorAll("[role=option]")];
}

function select(option) {
  for (const each of options()) {
    each.setAttribute("aria-selected", String(each === option));
  }
  option?.scrollIntoView({ block: "nearest" });
  if (option) {
    input.setAttribute("aria-activedescendant", option.id);
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function show() {
  const text = input.value.trim();
  const found = [...patients, ...[...places, ...actions].filter((option) => fits(option, text))];
  const lines = [];
  let group = "";
  for (const option of found) {
    if (option.dataset.group !== group) {
      group = option.dataset.group;
      lines.push(heading(group));
    }
    lines.push(option);
  }
  list.replaceChildren(...lines);
  list.hidden = found.length === 0;
  document.getElementById("palette-empty").hidden = found.length > 0 || asked !== null;
  document.getElementById("palette-status").textContent = asked ? "Searching" : `${found.length} found`;
  select(found[0]);
}

async function ask(text) {
  asked?.abort();
  asked = new AbortController();
  const own = asked;
  const form = document.getElementById("palette-form");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), signal: own.signal, redirect: "error" });
    const body = answer.ok ? await answer.text() : "";
    const parsed = new DOMParser().parseFromString(body, "text/html");
    patients = input.value.trim() === text ? [...parsed.querySelectorAll("[role=option]")] : [];
    patients.forEach((option) => option.prepend(icon("patient")));
  } catch {
    patients = [];
  }
  if (asked === own) {
    asked = null;
    show();
  }
}

function forget() {
  asked?.abort();
  asked = null;
  patients = [];
  input.value = "";
  clearTimeout(timer);
}

export function openPalette() {
  if (!palette || palette.open) {
    return;
  }
  document.querySelector("dialog[open]")?.close();
  forget();
  const shown = [...document.querySelectorAll("[data-command]")].filter(
    (element) => !element.disabled && (element.closest(".menu") || element.checkVisibility()));
  actions = shown.map(actionOption);
  palette.showModal();
  show();
  input.focus();
}

function go(option) {
  if (!option) {
    return;
  }
  palette.close();
  if (option.act) {
    option.act();
  } else {
    location.assign(option.dataset.href);
  }
}

if (palette) {
  input.addEventListener("input", () => {
    const text = input.value.trim();
    clearTimeout(timer);
    patients = [];
    if (text.length > 1) {
      timer = setTimeout(() => ask(text), WAIT_MS);
    }
    show();
  });
  palette.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (next !== undefined && all.length > 0) {
      event.preventDefault();
      select(all[(next + all.length) % all.length]);
    }
  });
  document.getElementById("palette-form").addEventListener("submit", (event) => {
    event.preventDefault();
    go(options().find((option) => option.getAttribute("aria-selected") === "true"));
  });
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]")));
  list.addEventListener("pointermove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && option.getAttribute("aria-selected") !== "true") {
      select(option);
    }
  });
  palette.addEventListener("close", forget);
  // A click on the backdrop lands on the dialog itself.
  palette.addEventListener("click", (event) => {
    if (event.target === palette) {
      palette.close();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]")) {
      openPalette();
    }
  });
}
