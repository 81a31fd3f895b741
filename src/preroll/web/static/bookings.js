// SPDX-License-Identifier: Apache-2.0
// The page of the bookings: the address says what is seen; timeline, list and the booking beside them show it.
import { meta, proof, toast } from "./app.js";
import { ask } from "./asked.js";
import "./timeline.js";
import { DAY, HOUR } from "./timeline_time.js";

/** @typedef {import("./timeline_move.js").Wish} Wish */
/** @typedef {import("./timeline.js").BookingTimeline} BookingTimeline */
/** @typedef {{ ajax: (verb: string, path: string, how: object) => Promise<void> }} Htmx */

const AGAIN_MS = 30_000; // what time alone changes: an event is late, a booking lapses
const LIST_MS = 3_000;
const STAYS_MS = 15_000;
const SHORT = 2.5 * DAY;
const MUCH = 70 * DAY;

const timeline = /** @type {BookingTimeline} */ (document.getElementById("timeline"));
const list = /** @type {HTMLElement} */ (document.getElementById("list"));
const side = /** @type {HTMLElement} */ (document.getElementById("side"));
const desk = /** @type {HTMLElement} */ (document.querySelector(".desk"));
const form = /** @type {HTMLFormElement} */ (document.getElementById("look"));

/** Have a part of the page anew. @param {string} path @param {HTMLElement} target @param {string} swap */
const show = (path, target, swap) => /** @type {{ htmx?: Htmx }} */ (globalThis).htmx?.ajax("GET", path, { source: target, target, swap });

// ---- the address

const address = () => new URLSearchParams(location.search);

/** What of it says how the list goes on. */
const ONWARD = { after: "", before: "" };

/** @param {Record<string, string | string[]>} said empty: not in the address */
function remember(said) {
  const now = address();
  for (const [name, value] of Object.entries(said)) {
    now.delete(name);
    for (const one of [value].flat()) if (one) now.append(name, one);
  }
  const query = now.toString().replaceAll("%3A", ":");
  history.replaceState(history.state, "", query ? `?${query}` : location.pathname);
}

function restore() {
  const said = address();
  const span = (Number(said.get("span")) || 24) * HOUR;
  const from = Date.parse(said.get("from") ?? "") / 1000;
  timeline.look(wanted());
  timeline.setWindow(from || timeline.now - span / 3, span);
  timeline.choose(said.get("booking"));
  showSpan();
}

const wanted = () => {
  const said = new FormData(form);
  return { text: String(said.get("q")), state: said.getAll("state").map(String), byBooking: said.get("rows") === "bookings" };
};

function showSpan() {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-span]"))) {
    button.setAttribute("aria-pressed", String(Math.abs(Number(button.dataset.span) * HOUR - timeline.span) < 60));
  }
}

// ---- what the server knows

/** @param {string} path @param {Record<string, string | number>} asked */
async function learn(path, asked = {}) {
  const query = new URLSearchParams({ platform: meta("platform"), ...Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, String(value)])) });
  const answered = await ask(`${path}?${query}`);
  const date = Date.parse(answered.answer.headers.get("date") ?? "");
  if (date && Math.abs(date / 1000 - timeline.now) > 2) timeline.ahead = (date - Date.now()) / 1000;
  return answered;
}

/** The window that is here, and which answer brought it. */
let here = { from: 0, to: 0, tag: "" };
/** @type {any[]} what came live while a window was on its way */
let heard = [];
let fetching = Promise.resolve();
/** What the page said that it would need: on its way since before this was read. @type {{ from: number, to: number } | null} */
let first = timeline.dataset.to ? { from: Number(timeline.dataset.from), to: Number(timeline.dataset.to) } : null;

/** What the view needs, in half days or weeks, so that many ask for the same. */
function needed() {
  const unit = timeline.span > SHORT ? 8 * DAY : DAY / 2;
  const beyond = timeline.span / 4;
  return { from: Math.floor((timeline.from - beyond) / unit) * unit, to: Math.ceil((timeline.to + beyond) / unit) * unit };
}

/** Have what the view needs; at most one side of it is missing, else all of it is asked for. @param {boolean} anew */
async function load(anew) {
  const want = first ?? needed();
  first = null;
  const within = want.from >= here.from && want.to <= here.to;
  if (within && !anew) return;
  const both = { from: Math.min(want.from, here.from), to: Math.max(want.to, here.to) };
  const beside = want.from <= here.to && want.to >= here.from && both.to - both.from < MUCH;
  const whole = within ? here : beside ? both : want;
  const more = !anew && beside && (want.from >= here.from || want.to <= here.to);
  const asked = !more ? whole : want.from < here.from ? { from: want.from, to: here.from } : { from: here.to, to: want.to };
  heard = [];
  timeline.setAttribute("aria-busy", "true");
  try {
    const { answer, told } = await learn("/timeline/blocks", { from: asked.from, to: asked.to });
    const tag = answer.headers.get("etag") ?? "";
    if (within && tag && tag === here.tag) return;
    timeline.setBookings(await told(), !more);
    for (const one of heard) timeline.put(one);
    here = { from: whole.from, to: whole.to, tag: more ? "" : tag };
  } finally {
    timeline.removeAttribute("aria-busy");
  }
}

/** One window after the other. @param {boolean} [anew] also what is here already */
function loadSoon(anew = false) {
  fetching = fetching.then(() => load(anew)).catch(() => {});
  return fetching;
}

const legend = () => learn("/timeline/rows").then(({ told }) => told());

// ---- the list

let listed = 0;
let listing = 0;
/** Lists that are on their way; of several only the last one asked for is shown. */
let coming = 0;

/** Ask for the list that the address says, not too often. @param {number} [wait] */
function relist(wait = 0) {
  clearTimeout(listing);
  listing = setTimeout(async () => {
    listed = Date.now();
    coming += 1;
    await show(`/bookings${location.search}`, list, "innerMorph");
    coming -= 1;
  }, Math.max(wait, 0));
}

/**
 * Look at the list in another way: the address says it before anybody is asked.
 * @param {string | undefined} names what is looked at in another way @param {URLSearchParams} said
 */
function relook(names = "", said) {
  remember({ ...ONWARD, ...Object.fromEntries(names.split(" ").map((name) => [name, said.getAll(name)])) });
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

/** Show in the list what has changed, without asking; true: there is something that it does not know. @param {any} told */
function patch(told) {
  if (!timeline.model.states.length) return true;
  let strange = false;
  for (const [id, name, state, start, end, , , , revision] of told.blocks) {
    const row = list.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
    if (!row) {
      strange = true;
      continue;
    }
    const { slug, glyph, pattern, name: said } = timeline.model.states[state];
    const [link, chip] = [row.querySelector("a"), row.querySelector(".chip")];
    if (link) link.textContent = name;
    if (chip) {
      chip.className = `chip state-${slug} pattern-${pattern}`;
      chip.replaceChildren(Object.assign(document.createElement("span"), { textContent: glyph, ariaHidden: "true" }), said);
    }
    for (const [key, us] of Object.entries({ start, end })) {
      const cell = row.querySelector(`[data-c="${key}"]`);
      if (cell) cell.textContent = timeline.zone.moment(us);
    }
    const pick = /** @type {HTMLInputElement | null} */ (row.querySelector("[name=pick]"));
    if (pick) pick.value = `${id}~${revision}`;
  }
  if (list.querySelector("[name=pick]:checked")) document.getElementById("bulk-bar")?.dispatchEvent(new Event("preroll:again"));
  for (const id of told.gone) list.querySelector(`tr[data-id="${CSS.escape(id)}"]`)?.remove();
  return strange;
}

// ---- the booking beside

/** @param {string | null} id @param {boolean} reveal */
function choose(id, reveal = false) {
  remember({ booking: id ?? "" });
  timeline.choose(id, reveal);
  desk.classList.toggle("wide", !id);
  for (const row of list.querySelectorAll("tr[data-id]")) {
    if (/** @type {HTMLElement} */ (row).dataset.id === id) row.setAttribute("aria-selected", "true");
    else row.removeAttribute("aria-selected");
  }
  if (id) show(`/bookings/${encodeURIComponent(id)}`, side, "innerHTML");
  else side.replaceChildren();
}

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const link = /** @type {HTMLElement | null} */ (target.closest("#list tr[data-id] a, [data-choose]"));
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(link.dataset.choose ?? link.closest("tr")?.dataset.id ?? null, true);
});

// ---- moves

/** @param {string} id @param {string} action @param {FormData} body */
const send = (id, action, body) =>
  fetch(`/timeline/${encodeURIComponent(id)}/${action}`, { method: "POST", body, headers: { ...proof(), "HX-Request": "true", "HX-Current-URL": location.href } });

/** @param {Wish} wish */
function written(wish) {
  const body = new FormData();
  for (const [name, value] of Object.entries(wish)) if (name !== "id" && value !== null) body.set(name, String(value));
  return body;
}

/** @param {Wish} wish */
const verdict = async (wish) => {
  const answer = await send(wish.id, "check", written(wish)).catch(() => null);
  if (answer?.ok) return answer.json();
  return { free: false, says: [answer ? `the server answered ${answer.status}` : "the server does not answer"], rivals: [] };
};

timeline.ask = verdict;
timeline.drop = (/** @type {Wish} */ wish) => move(wish.id, written(wish));

/** @param {string} id @param {FormData} body */
async function move(id, body) {
  const answer = await send(id, "move", body).catch(() => null);
  if (!answer) return toast("The server does not answer: nothing was moved. Try again when the lamp is green.", "bad");
  const redirect = answer.headers.get("HX-Redirect");
  if (redirect) return location.assign(redirect);
  if (!answer.headers.get("content-type")?.includes("json")) return say(await answer.text());
  const told = await answer.json();
  timeline.put(told.found);
  patch(told.found);
  say(told.message);
}

/** @param {string} message as HTML of the server */
function say(message) {
  const made = document.createRange().createContextualFragment(message).firstElementChild;
  if (!made) return;
  document.getElementById("toasts")?.append(made);
  if (!made.classList.contains("bad")) fade(made);
}

/** Away after a while, unless somebody is about to use it. @param {Element} message */
function fade(message) {
  setTimeout(() => {
    if (message.matches(":hover, :focus-within")) fade(message);
    else message.remove();
  }, STAYS_MS);
}

document.addEventListener("submit", (event) => {
  const asked = /** @type {HTMLFormElement} */ (event.target);
  if (!asked.dataset.move) return;
  event.preventDefault();
  asked.closest(".toast")?.remove();
  move(asked.dataset.move, new FormData(asked));
});

// ---- what people and other browsers do

timeline.addEventListener("booking-choose", (event) => choose(/** @type {CustomEvent} */ (event).detail.id));

/** @param {number} seconds */
const minute = (seconds) => new Date(Math.round(seconds / 60) * 60_000).toISOString().replace(":00.000Z", "Z");

/** Where the view begins that the list is for; empty: it follows the clock. */
let seen = "";
timeline.addEventListener("timeline-view", () => {
  const follows = Math.abs(timeline.now - timeline.span / 3 - timeline.from) < Math.max(60, timeline.span / 500);
  const from = follows ? "" : minute(timeline.from);
  const span = Math.round((timeline.span / HOUR) * 100) / 100;
  const elsewhere = from !== seen && !wanted().text && !wanted().state.length;
  remember({ from, span: span === 24 ? "" : String(span), ...(elsewhere ? ONWARD : {}) });
  showSpan();
  loadSoon();
  if (elsewhere) relist(400);
  seen = from;
});

document.querySelector(".spans")?.addEventListener("click", (event) => {
  const { span, step, now } = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("button"))?.dataset ?? {};
  if (span) timeline.setWindow(inView() ? timeline.now - (Number(span) * HOUR) / 3 : timeline.from, Number(span) * HOUR);
  if (step) timeline.pan((-Number(step) * timeline.width) / 2);
  if (now !== undefined) timeline.goNow();
});

const inView = () => timeline.from < timeline.now && timeline.now < timeline.to;

/** Say beside the menu what is chosen in it. @param {string[]} states */
function saySome(states) {
  const said = document.getElementById("states-said");
  if (said) said.textContent = states.length > 1 ? `${states.length} states` : (states[0] ?? said.dataset.any ?? "");
}

let typing = 0;
form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const { text, state, byBooking } = wanted();
    saySome(state);
    remember({ q: text.trim(), state, rows: byBooking ? "bookings" : "", ...ONWARD });
    timeline.look(wanted());
    relist();
  }, 150);
});
form.addEventListener("submit", (event) => event.preventDefault());

document.addEventListener("preroll:blocks", (event) => {
  const told = /** @type {CustomEvent} */ (event).detail;
  heard.push(told);
  timeline.put(told);
  if (patch(told) || coming) relist(LIST_MS - (Date.now() - listed));
});
document.addEventListener("preroll:change", (event) => {
  const { kind } = /** @type {CustomEvent<{ kind: string }>} */ (event).detail;
  if (!kind.startsWith("booking.")) renew();
});

let renewing = 0;
/** Resources may have changed. */
function renew() {
  clearTimeout(renewing);
  renewing = setTimeout(() => legend().then((told) => timeline.setLegend(told)).catch(() => {}), 300);
}
setInterval(() => {
  if (document.hidden) return;
  if (!seen && !timeline.mover?.active) timeline.goNow();
  loadSoon(true);
}, AGAIN_MS);

restore();
seen = address().get("from") ? minute(timeline.from) : "";
const [told] = await Promise.all([legend(), loadSoon()]);
timeline.setLegend(told);
if (address().get("booking")) timeline.reveal(address().get("booking") ?? "");
requestAnimationFrame(() => {
  timeline.toggleAttribute("ready", true);
  performance.mark("timeline-ready");
});
