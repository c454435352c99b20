// Has the browser make or use a passkey: asks the server what to sign, and sends the answer with the form.

const ready = window.PublicKeyCredential !== undefined && navigator.credentials !== undefined;

function toBytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function understood(options) {
  const found = { ...options, challenge: toBytes(options.challenge) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    found[list] = (options[list] ?? []).map((key) => ({ ...key, id: toBytes(key.id) }));
  }
  if (options.user) {
    found.user = { ...options.user, id: toBytes(options.user.id) };
  }
  return found;
}

function told(key) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (key.response[part]) {
      response[part] = toText(key.response[part]);
    }
  }
  if (key.response.getTransports) {
    response.transports = key.response.getTransports();
  }
  return JSON.stringify({
    id: key.id,
    rawId: toText(key.rawId),
    type: key.type,
    response,
    clientExtensionResults: key.getClientExtensionResults(),
  });
}

async function answered(form) {
  const headers = { "x-csrf-token": form.elements.csrf_token.value };
  const asked = await fetch(form.dataset.question, { method: "POST", headers, redirect: "manual" });
  if (asked.type === "opaqueredirect") {
    // The session ended or wants to be confirmed: the form's own way leads to the page that asks.
    return null;
  }
  if (!asked.ok) {
    throw new Error("refused");
  }
  const publicKey = understood(await asked.json());
  const make = form.dataset.passkey === "create";
  return told(await navigator.credentials[make ? "create" : "get"]({ publicKey }));
}

async function send(form) {
  const fault = form.querySelector("[data-passkey-fault]");
  const button = form.querySelector("button[type=submit]");
  fault.hidden = true;
  button.disabled = true;
  try {
    form.elements.answer.value = (await answered(form)) ?? "";
    form.submit();
  } catch (error) {
    fault.textContent = error.name === "InvalidStateError"
      ? "This device has a passkey for this account already."
      : "No passkey was used. Try again, or go on another way.";
    fault.hidden = false;
    button.disabled = false;
  }
}

if (ready) {
  for (const part of document.querySelectorAll("form[data-passkey], [data-with-passkey]")) {
    part.hidden = false;
  }
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-passkey]")) {
      event.preventDefault();
      send(event.target);
    }
  });
}
