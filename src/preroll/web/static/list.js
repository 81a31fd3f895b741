// SPDX-License-Identifier: Apache-2.0
// A list that the address describes. Whoever looks at it in another way changes the address before anybody is asked,
// and it is only ever asked for from there: so nothing that is on its way brings back what was looked at before.

/** @typedef {{ ajax: (verb: string, path: string, how: object) => Promise<void> }} Htmx */

const TYPING_MS = 150;

export const list = /** @type {HTMLElement} */ (document.getElementById("list"));
export const form = /** @type {HTMLFormElement} */ (document.getElementById("look"));

const htmx = () => /** @type {{ htmx?: Htmx }} */ (globalThis).htmx;
/** All scripts of the page are there: htmx is the last of them. */
const complete = new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));

/** Have a part of the page anew. @param {string} path @param {HTMLElement} target @param {string} swap */
export async function show(path, target, swap) {
  if (!htmx()) await complete;
  await htmx()?.ajax("GET", path, { source: target, target, swap });
}

// ---- the address

export const address = () => new URLSearchParams(location.search);

/** What of it says how the list goes on. */
export const ONWARD = { after: "", before: "" };

/** @param {Record<string, string | string[]>} said empty: not in the address */
export function remember(said) {
  const now = address();
  for (const [name, value] of Object.entries(said)) {
    now.delete(name);
    for (const one of [value].flat()) if (one) now.append(name, one);
  }
  const query = now.toString().replaceAll("%3A", ":");
  history.replaceState(history.state, "", query ? `?${query}` : location.pathname);
}

// ---- asking

/** Lists that are on their way; of several only the last one asked for is shown. */
export let coming = 0;
let timer = 0;
let due = Infinity;
let listed = 0;
/** What has changed while one was on its way is asked for once that is here. */
let often = 0;
/** Another one than is shown is wanted. */
let turned = false;

/** Ask for the list that the address says. @param {number} [wait] milliseconds */
export function relist(wait = 0) {
  const at = Date.now() + Math.max(wait, 0);
  if (at >= due) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(ask, Math.max(wait, 0));
}

async function ask() {
  [due, listed] = [Infinity, Date.now()];
  coming += 1;
  try {
    await show(`${location.pathname}${location.search}`, list, "innerMorph");
  } finally {
    coming -= 1;
    if (!coming) turned = due < Infinity;
    if (!coming && often) again(often);
  }
}

/**
 * Ask again for what somebody has changed: not too often, and never instead of one that is on its way; where answers
 * take long and much happens, none would ever be shown.
 * @param {number} pause milliseconds between two
 */
export function again(pause) {
  often = coming ? pause : 0;
  if (!coming) relist(pause - (Date.now() - listed));
}

// ---- looking in another way

/**
 * How a list goes on is of no use for another one.
 * @param {string | undefined} names what is looked at in another way @param {URLSearchParams} said
 */
function relook(names = "", said) {
  if (turned && Object.keys(ONWARD).some((name) => said.has(name))) return;
  turn(Object.fromEntries(names.split(" ").map((name) => [name, said.getAll(name)])));
}

/** @param {Record<string, string[]>} said what is looked at in another way */
function turn(said) {
  turned = true;
  remember({ ...ONWARD, ...said });
  relist();
}

list.addEventListener("click", (event) => {
  const link = /** @type {HTMLAnchorElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("a[data-look]"));
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  relook(link.dataset.look, new URL(link.href).searchParams);
});
list.addEventListener("change", (event) => {
  const form = /** @type {HTMLElement} */ (event.target).closest("form[data-look]");
  if (!(form instanceof HTMLFormElement)) return;
  const said = new FormData(form).getAll("cols").map((one) => ["cols", String(one)]);
  relook(form.dataset.look, new URLSearchParams(said));
});

/** @param {FormDataEntryValue[]} values */
const words = (values) => values.map((one) => String(one).trim()).filter(Boolean).sort();

/** Take into the address what the form says; what is typed before this is read counts too. */
function look() {
  const [said, now] = [new FormData(form), address()];
  const asked = /** @type {HTMLInputElement[]} */ ([...form.elements]).filter((one) => one.name && one.type !== "hidden");
  const other = [...new Set(asked.map((one) => one.name))].filter((name) => `${words(said.getAll(name))}` !== `${words(now.getAll(name))}`);
  if (!other.length) return;
  turn(Object.fromEntries(other.map((name) => [name, words(said.getAll(name))])));
  document.dispatchEvent(new Event("preroll:look"));
}

let typing = 0;
form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(look, TYPING_MS);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  look();
});
look();
