// SPDX-License-Identifier: Apache-2.0
// The page of a booking, an order or a service: its dialog opens and closes, and what has changed elsewhere shows up.

/** Changes that came while a dialog was open. */
let missed = false;
/** It is asked for again, and has not come yet. */
let coming = false;
/** The answer to something pressed is about to be shown; older, perhaps, than what came or was asked for meanwhile. @type {"" | "fresh" | "late"} */
let answered = "";

/** What the page is about. @returns {HTMLElement | null} */
const shown = () => document.querySelector("[data-thing]");
const dialog = () => /** @type {HTMLDialogElement | null} */ (document.getElementById("ask"));

function refresh() {
  missed = dialog()?.open === true;
  coming = !missed && shown() !== null;
  if (coming) shown()?.dispatchEvent(new CustomEvent("preroll:refresh"));
}

document.addEventListener("click", (event) => {
  if (/** @type {HTMLElement} */ (event.target).closest("[data-leave]")) dialog()?.close();
});

/** @param {Event} event */
const swapping = (event) => /** @type {CustomEvent} */ (event).detail?.ctx ?? {};

document.addEventListener("htmx:before:swap", (event) => {
  const { target, sourceElement } = swapping(event);
  if (!target || target !== shown()) return;
  if (sourceElement === target) {
    coming = false;
    missed = dialog()?.open === true;
    if (missed) event.preventDefault();
  } else {
    answered = coming || missed ? "late" : "fresh";
    coming = missed = false;
  }
});

// The thing that is shown anew hears of it, once it listens: what was pressed is gone, and its dialog without a word.
document.addEventListener("htmx:after:swap", (event) => {
  const asked = dialog();
  if (answered && event.target === shown()) {
    const late = answered === "late";
    answered = "";
    if (late) refresh();
    if (document.activeElement === document.body) shown()?.querySelector("h1")?.focus({ preventScroll: true });
  } else if (asked?.firstElementChild && [asked, "#ask"].includes(swapping(event).target)) {
    if (!asked.open) asked.showModal();
    /** @type {HTMLElement | null} */ (asked.querySelector("[data-focus]"))?.focus();
  }
});

document.addEventListener(
  "close",
  (event) => {
    if (event.target !== dialog()) return;
    dialog()?.replaceChildren();
    if (missed) refresh();
  },
  true,
);

document.addEventListener("preroll:change", (event) => {
  const { id } = /** @type {CustomEvent<{ id: string }>} */ (event).detail;
  if (id === shown()?.dataset.id) refresh();
});

/** What moves by itself is looked at every second: how far it is, is no change. */
setInterval(() => {
  if (!document.hidden && shown()?.hasAttribute("data-moving")) refresh();
}, 1_000);
