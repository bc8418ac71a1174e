// The form for a webhook works without this script. It searches the event types, and shows the
// preview as one types.
"use strict";

const PAUSE_MS = 400;

function searches(field) {
  const labels = [...document.getElementById(field.dataset.searches).children];
  const found = document.getElementById(`${field.dataset.searches}-found`);
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    let count = 0;
    for (const label of labels) {
      const text = label.textContent.toLowerCase();
      label.hidden = !words.every((word) => text.includes(word));
      if (!label.hidden) count += 1;
    }
    found.textContent = field.value ? `${count} of ${labels.length} event types` : "";
  });
  // Enter in the search must not send the form.
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}

function previews(form) {
  const names = ["csrf", "acting_as", "contract", "filter", "payload_template", "example", "example_data"];
  let timer;
  let last = 0;
  async function show() {
    const mine = (last += 1);
    // Secrets stay in the form: only what the preview needs is sent.
    const fields = names.map((name) => [name, form.elements[name]?.value ?? ""]);
    try {
      const answer = await fetch("/portal/preview", { method: "POST", body: new URLSearchParams(fields) });
      if (!answer.ok || mine !== last) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const opened = document.querySelector("#preview details").open;
      const replacement = fresh.getElementById("preview");
      replacement.querySelector("details").open = opened;
      document.getElementById("preview").replaceWith(replacement);
    } catch {
      // The network is away for a moment: the next key tries again.
    }
  }
  form.addEventListener("input", (event) => {
    if (!["filter", "payload_template", "example", "example_data"].includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(show, PAUSE_MS);
  });
  // Sending the form would empty the secrets that were typed.
  form.addEventListener("submit", async (event) => {
    if (event.submitter?.value !== "preview") return;
    event.preventDefault();
    await show();
    document.getElementById("preview").scrollIntoView({ block: "center" });
  });
}

for (const part of document.querySelectorAll("[data-search]")) part.hidden = false;
for (const field of document.querySelectorAll("[data-searches]")) searches(field);
previews(document.getElementById("webhook-form"));
