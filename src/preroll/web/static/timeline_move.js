// SPDX-License-Identifier: Apache-2.0
// A booking on its way to another place: its ghost, and what the server says to it. The hand and the keys both move it.
import { announce } from "./app.js";
import { made } from "./timeline_bar.js";
import { HANDLES } from "./timeline_model.js";
import { DAY, HOUR, MINUTE } from "./timeline_time.js";

/** @typedef {import("./timeline.js").BookingTimeline} BookingTimeline */
/** @typedef {import("./timeline_bar.js").Bar} Bar */
/** @typedef {import("./timeline_model.js").Row} Row */
/** @typedef {{ id: string, revision: number, start: number, end: number | null, source: string, target: string }} Wish */
/** @typedef {{ free: boolean, says: string[], rivals: string[] }} Verdict */
/** @typedef {(wish: Wish) => Promise<Verdict>} Ask */
/** @typedef {(wish: Wish) => Promise<void>} Drop */
/** @typedef {"move" | "start" | "end"} Way what of it is moved */

const LEAST = MINUTE;

export class Mover {
  /** @type {Bar | null} */ bar = null;
  /** @type {Way} */ way = "move";
  /** @type {Wish | null} */ #wish = null;
  /** @type {Row | null} */ #row = null;
  #asking = false;
  #told = "";

  /** @param {BookingTimeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    this.ghost = made("div", "tl-ghost");
    this.tip = made("div", "tl-tip");
    this.ghost.hidden = this.tip.hidden = true;
  }

  get active() {
    return this.bar !== null;
  }

  /** By how much it moves at least, in seconds. */
  get step() {
    const { span } = this.timeline;
    return span <= 12 * HOUR ? MINUTE : span <= 3 * DAY ? 5 * MINUTE : span <= 8 * DAY ? 15 * MINUTE : HOUR;
  }

  /** What of a bar can be moved that way. @param {Bar} bar @param {Way} way */
  can(bar, way) {
    const needed = way === "end" ? HANDLES.end : HANDLES.start;
    return this.timeline.editable && (bar.booking.handles & needed) > 0 && !(way === "end" && bar.booking.end === null);
  }

  /** @param {Bar} bar @param {Way} way */
  begin(bar, way) {
    [this.bar, this.way, this.#row, this.#wish, this.#told] = [bar, way, bar.row, null, ""];
    bar.node.classList.add("leaving");
  }

  /** So much away from where it was. @param {number} seconds @param {Row | null} row on which it would be */
  to(seconds, row) {
    const { bar, way, timeline } = this;
    if (!bar) return;
    const { booking } = bar;
    let { start, end } = booking;
    if (way === "end") end = end && Math.max(start + LEAST, timeline.zone.snap(end + seconds, this.step));
    else {
      start = seconds ? timeline.zone.snap(start + seconds, this.step) : start;
      if (way === "start") start = end === null ? start : Math.min(start, end - LEAST);
      else end = end === null ? null : end + start - booking.start;
    }
    if (row && way === "move" && row.kind === "resource" && row.resource && booking.handles & HANDLES.resource) this.#row = row;
    const [source, target] = [bar.row.resource, this.#row?.resource ?? ""];
    const moved = bar.row.kind === "resource" && source && target !== source;
    this.#wish = { id: booking.id, revision: booking.revision, start, end, source: moved ? source : "", target: moved ? target : "" };
    this.#draw();
    this.#inquire();
  }

  /** Where it would be now, as seconds from where it was. */
  get moved() {
    const { bar } = this;
    if (!bar || !this.#wish) return 0;
    const { start, end } = bar.booking;
    return this.way === "end" ? (this.#wish.end ?? 0) - (end ?? 0) : this.#wish.start - start;
  }

  /** The row on which it would be. */
  get row() {
    return this.#row;
  }

  /** Have it moved. */
  async finish() {
    const [wish, bar] = [this.#wish, this.bar];
    const there = !wish || (wish.start === bar?.booking.start && wish.end === bar.booking.end && !wish.target);
    if (!wish || there) return this.abandon();
    this.ghost.classList.add("sent");
    this.bar = null;
    this.#clear(bar, true);
    try {
      await this.timeline.drop(wish);
    } finally {
      if (!this.bar) this.ghost.hidden = true;
      bar?.node.classList.remove("leaving");
    }
  }

  /** Leave it where it is. */
  abandon() {
    const { bar } = this;
    this.bar = null;
    this.#clear(bar, false);
  }

  /** @param {Bar | null} bar @param {boolean} sent */
  #clear(bar, sent) {
    this.#wish = null;
    this.tip.hidden = true;
    this.ghost.hidden = !sent;
    this.#hit([]);
    if (!sent) bar?.node.classList.remove("leaving");
  }

  /** Ask what it would come to; what has changed meanwhile is asked next. */
  async #inquire() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (this.#wish && JSON.stringify(this.#wish) !== this.#told) {
        const wish = this.#wish;
        this.#told = JSON.stringify(wish);
        const verdict = await this.timeline.ask(wish);
        if (this.#wish && this.#told === JSON.stringify(this.#wish)) this.#show(verdict);
      }
    } finally {
      this.#asking = false;
    }
  }

  /** @param {Verdict} verdict */
  #show({ free, says, rivals }) {
    this.ghost.classList.toggle("bad", !free);
    this.tip.classList.toggle("bad", !free);
    this.#hit(free ? [] : rivals);
    const more = says.length > 2 ? ` and ${says.length - 2} more` : "";
    this.#say(free ? "✓ free" : `⚠ ${says.slice(0, 2).join("; ")}${more}`);
    announce(`${this.#where()}: ${free ? "free" : says.join("; ")}`);
  }

  /** @param {string} verdict */
  #say(verdict) {
    this.tip.replaceChildren(Object.assign(made("strong", ""), { textContent: this.#where() }), ` ${verdict}`);
  }

  #where() {
    const wish = this.#wish;
    if (!wish) return "";
    const place = this.#row?.kind === "resource" ? `${this.#row.name}  ` : "";
    return `${place}${this.timeline.zone.range(wish.start, wish.end)}`;
  }

  #draw() {
    const { ghost, tip, bar, timeline } = this;
    const [wish, row] = [this.#wish, this.#row];
    if (!bar || !wish || !row) return;
    const { perSecond, origin, line } = timeline;
    const { pre, post } = bar.booking;
    const end = wish.end === null ? timeline.to + DAY : wish.end + post;
    const x = (wish.start - pre - origin) * perSecond;
    const top = row.top + (row === bar.row ? row.lanes.get(wish.id) ?? 0 : 0) * line;
    ghost.hidden = tip.hidden = false;
    if (!this.#asking) ghost.classList.remove("bad", "sent");
    ghost.style.transform = `translate(${x.toFixed(1)}px,${top + 2}px)`;
    ghost.style.width = `${((end - wish.start + pre) * perSecond).toFixed(1)}px`;
    ghost.style.setProperty("--pre", `${pre * perSecond}px`);
    ghost.style.setProperty("--post", `${post * perSecond}px`);
    if (!tip.textContent) this.#say("…");
    else /** @type {HTMLElement} */ (tip.firstChild).textContent = this.#where();
    this.#place(x, top);
  }

  /** The tip below the ghost, within the timeline. @param {number} x @param {number} top */
  #place(x, top) {
    const { tip, timeline } = this;
    const { body, clip } = timeline;
    const left = clip.offsetLeft + x - (timeline.from - timeline.origin) * timeline.perSecond;
    const y = body.offsetTop + top - body.scrollTop + timeline.line + 6;
    const low = timeline.clientHeight - tip.offsetHeight - 4;
    tip.style.transform = `translate(${Math.max(4, Math.min(left, timeline.clientWidth - tip.offsetWidth - 8))}px,${y > low ? y - timeline.line - tip.offsetHeight - 12 : y}px)`;
  }

  /** @param {string[]} rivals ids of bookings that are in the way */
  #hit(rivals) {
    for (const bar of this.timeline.bars.values()) bar.node.classList.toggle("hit", rivals.includes(bar.booking.id));
  }
}
