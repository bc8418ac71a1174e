// Everything works without this script. It only refreshes what changes by itself, copies, and
// shows times in the reader's own time zone.
"use strict";

const SECONDS = 5;
const LOCAL = {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
  second: "2-digit", timeZoneName: "short",
};

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = moment.toLocaleString([], LOCAL);
  }
}

// What the server last sent for each live element.
const sent = new Map();

// Put a fresh element in the place of an old one, if it differs. What a person opened stays open.
function renew(part, fresh) {
  const html = fresh.outerHTML;
  if (html === sent.get(part.id)) return;
  sent.set(part.id, html);
  for (const details of fresh.querySelectorAll("details[id]")) {
    const old = document.getElementById(details.id);
    if (old) details.open = old.open;
  }
  localTimes(fresh);
  part.replaceWith(fresh);
}

// An element with `data-live` and an id is replaced by the one of the same id in the fresh page,
// unless somebody is using it.
async function refresh() {
  const parts = [...document.querySelectorAll("[data-live]")];
  const used = parts.some((part) => part.contains(document.activeElement));
  if (parts.length && !document.hidden && !used) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok && !answer.redirected) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of parts) {
          const replacement = fresh.getElementById(part.id);
          if (replacement) renew(part, replacement);
        }
      }
    } catch {
      // The network is away for a moment: the next turn tries again.
    }
  }
  setTimeout(refresh, SECONDS * 1000);
}

function copyOnClick(event) {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  navigator.clipboard.writeText(source.textContent).then(() => {
    button.textContent = "Copied";
  });
}

for (const part of document.querySelectorAll("[data-live]")) sent.set(part.id, part.outerHTML);
localTimes(document);
document.addEventListener("click", copyOnClick);
for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
if (document.querySelector("[data-live]")) setTimeout(refresh, SECONDS * 1000);
