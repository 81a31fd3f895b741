// SPDX-License-Identifier: Apache-2.0
// What every page does: the token with each change, the clock, what this browser remembers, messages.

const YEAR_S = 31_536_000;

/** @param {string} name @returns {string} */
export const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? "";

/** What a page of this site sends with every change. @returns {Record<string, string>} */
export const proof = () => ({ "X-CSRF-Token": meta("csrf") });

document.addEventListener("htmx:config:request", (event) => {
  Object.assign(/** @type {CustomEvent} */ (event).detail.ctx.request.headers, proof());
});

// What is being typed is newer than any answer that is on its way.
document.addEventListener("input", (event) => {
  /** @type {HTMLElement} */ (event.target).closest("form[data-typed]")?.dispatchEvent(new Event("htmx:abort"));
});

/** Say something to those who listen to the page. @param {string} text */
export function announce(text) {
  const region = document.getElementById("live-region");
  if (region) region.textContent = text;
}

/** Show a message that goes away by itself; what failed stays. @param {string} text @param {"good" | "bad"} kind */
export function toast(text, kind = "good") {
  const box = document.createElement("div");
  box.className = `toast ${kind}`;
  box.append(Object.assign(document.createElement("p"), { textContent: text }), closer());
  document.getElementById("toasts")?.append(box);
  if (kind === "good") setTimeout(() => box.remove(), 6000);
}

function closer() {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "button", textContent: "✕" });
  button.setAttribute("aria-label", "Close this message");
  button.dataset.close = "";
  return button;
}

/** What was folded or unfolded by hand, by key: a part that is refreshed shows it so again. @type {Map<string, boolean>} */
const unfolded = new Map();

document.addEventListener("click", (event) => {
  const summary = /** @type {HTMLElement} */ (event.target).closest("summary");
  const folded = /** @type {HTMLDetailsElement | null} */ (summary?.parentElement ?? null);
  if (folded?.dataset.keep) unfolded.set(folded.dataset.keep, !folded.open);
});

function tidy() {
  for (const one of /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details[data-keep]"))) {
    const open = unfolded.get(one.dataset.keep ?? "");
    if (open !== undefined && open !== one.open) one.open = open;
  }
  oneOfEach();
}

document.addEventListener("htmx:after:swap", tidy);
document.addEventListener("htmx:before:swap", () => requestAnimationFrame(tidy));

/** @returns {NodeListOf<HTMLDetailsElement>} */
const openMenus = () => document.querySelectorAll("details.menu[open]");

/** @param {HTMLDetailsElement} menu */
function fold(menu) {
  menu.open = false;
  if (menu.dataset.keep) unfolded.set(menu.dataset.keep, false);
}

/** A message that comes again takes the place of its like; one that only tells of success goes away by itself. */
function oneOfEach() {
  for (const one of document.querySelectorAll("#toasts > [data-passing]")) {
    one.removeAttribute("data-passing");
    setTimeout(() => one.remove(), 6000);
  }
  const told = new Map([...document.querySelectorAll("#toasts > .toast")].map((one) => [one.textContent?.trim(), one]));
  for (const one of document.querySelectorAll("#toasts > .toast")) if (told.get(one.textContent?.trim()) !== one) one.remove();
}

/** What this browser remembers, in cookies: the server makes each page so. @param {string} name */
export const remembered = (name) => document.cookie.split("; ").find((one) => one.startsWith(`preroll_${name}=`))?.split("=")[1] ?? "";

function showChosen() {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-set]"))) {
    const { set = "", value = "" } = button.dataset;
    button.setAttribute("aria-pressed", String(remembered(set) === value));
  }
}

/** @param {HTMLElement} button */
function choose(button) {
  const { set = "", value = "" } = button.dataset;
  document.cookie = `preroll_${set}=${value}; path=/; max-age=${value ? YEAR_S : 0}; samesite=lax`;
  if (value) document.documentElement.dataset[set] = value;
  else delete document.documentElement.dataset[set];
  showChosen();
  document.dispatchEvent(new CustomEvent("preroll:setting", { detail: { set, value } }));
}

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const button = /** @type {HTMLElement | null} */ (target.closest("[data-set]"));
  if (button) choose(button);
  if (target.closest("[data-close]")) target.closest(".toast")?.remove();
  for (const menu of openMenus()) if (!menu.contains(target)) fold(menu);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    fold(menu);
    menu.querySelector("summary")?.focus();
  }
});

document.getElementById("platform")?.addEventListener("change", (event) => {
  const url = new URL(location.href);
  url.search = new URLSearchParams({ platform: /** @type {HTMLSelectElement} */ (event.target).value }).toString();
  location.assign(url);
});

function runClock() {
  const clock = document.getElementById("station-clock");
  if (!clock) return;
  const shape = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: clock.dataset.zone || "UTC" });
  const tick = () => {
    clock.textContent = shape.format(new Date());
    setTimeout(tick, 1000 - (Date.now() % 1000));
  };
  tick();
}

showChosen();
requestAnimationFrame(() => {
  setTimeout(runClock); // the first time that a browser tells takes it long: once all else is painted
  for (const here of document.querySelectorAll(".bar nav [aria-current], .tabs [aria-current]")) here.scrollIntoView({ block: "nearest", inline: "center" });
});
