// SPDX-License-Identifier: Apache-2.0
// The page of the bookings: the address says what is seen; timeline, list and the booking beside them show it.
import { meta, proof, toast } from "./app.js";
import { ask } from "./asked.js";
import { ONWARD, address, again, coming, form, list, relist, remember, show } from "./list.js";
import "./timeline.js";
import { DAY, HOUR } from "./timeline_time.js";

/** @typedef {import("./timeline_move.js").Wish} Wish */
/** @typedef {import("./timeline.js").BookingTimeline} BookingTimeline */

const AGAIN_MS = 30_000; // what time alone changes: an event is late, a booking lapses
const LIST_MS = 3_000;
const STAYS_MS = 15_000;
const SHORT = 2.5 * DAY;
const MUCH = 70 * DAY;

const timeline = /** @type {BookingTimeline} */ (document.getElementById("timeline"));
const side = /** @type {HTMLElement} */ (document.getElementById("side"));
const desk = /** @type {HTMLElement} */ (document.querySelector(".desk"));

// ---- the address

function restore() {
  const said = address();
  const span = (Number(said.get("span")) || 24) * HOUR;
  const from = Date.parse(said.get("from") ?? "") / 1000;
  look();
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

/** Show on the timeline what the form says. */
function look() {
  const said = wanted();
  saySome(said.state);
  timeline.look(said);
}
document.addEventListener("preroll:look", look);

document.addEventListener("preroll:blocks", (event) => {
  const told = /** @type {CustomEvent} */ (event).detail;
  heard.push(told);
  timeline.put(told);
  if (patch(told) || coming) again(LIST_MS);
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
