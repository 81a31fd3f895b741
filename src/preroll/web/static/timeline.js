// SPDX-License-Identifier: Apache-2.0
// <booking-timeline>: bookings over time, on rows. Data comes in by methods, what people want goes out by events; it
// never fetches. Only bars in view and a little beyond exist; panning moves one layer.
//
//   booking-choose  {id}        somebody wants to see a booking; id is null: none
//   timeline-view   {from, to}  another window is in view
//   ask, drop                   what a move would come to, and the move: set by the page (timeline_move.js)
import { Bar, LEAST, Ruler, made } from "./timeline_bar.js";
import { Hands } from "./timeline_input.js";
import { Model, unpacked } from "./timeline_model.js";
import { Mover } from "./timeline_move.js";
import { Axis, stripe } from "./timeline_rows.js";
import { DAY, HOUR, Zone } from "./timeline_time.js";

/** @typedef {import("./timeline_model.js").Row} Row */

const BEYOND = 0.6;
const SPAN = { least: HOUR, most: 35 * DAY };
const LABEL_ROOM = 66;
const TEXT = "550 11.5px";
const PRINTED = 400;

export class BookingTimeline extends HTMLElement {
  model = new Model();
  zone = new Zone("UTC");
  from = 0;
  perSecond = 0.01;
  /** Seconds that the server's clock is ahead of ours. */ ahead = 0;
  /** @type {string | null} */ chosen = null;
  /** @type {Map<string, Bar>} */ bars = new Map();
  line = 28;
  /** Of the rows, in pixels. */ width = 1;
  stats = { builds: 0, milliseconds: 0, longest: 0, bars: 0 };
  /** @type {import("./timeline_move.js").Ask} */ ask = async () => ({ free: true, says: [], rivals: [] });
  /** @type {import("./timeline_move.js").Drop} */ drop = async () => {};
  corner = made("div", "tl-corner");
  body = made("div", "tl-body");
  sizer = made("div", "tl-sizer", this.body);
  stripes = made("div", "tl-stripes", this.sizer);
  clip = made("div", "tl-rows", this.sizer);
  layer = made("div", "tl-layer", this.clip);
  holder = made("div", "tl-bars", this.layer);
  axis = new Axis(this.layer);
  empty = made("p", "tl-empty");
  mover = new Mover(this);
  hands = new Hands(this, this.mover);
  ruler = new Ruler(TEXT);
  #asked = 0;
  #settling = 0;
  /** Names are put into view when a pan has ended: in each frame that would be drawing them all again. */
  #settled = false;
  #timer = 0;
  #stale = true;
  #span = 24 * HOUR;
  #focused = "";
  #printing = false;
  #toNow = false;
  #measured = "";
  /** How much beyond the view is drawn: at first nothing, so that what one looks at is there the sooner. */ #beyond = 0;
  #built = { from: 0, to: 0, first: 0, last: 0, origin: 0, perSecond: 0 };

  connectedCallback() {
    if (this.contains(this.body)) return;
    this.zone = new Zone(this.getAttribute("zone") || "UTC", JSON.parse(this.dataset.steady ?? "null"));
    this.#furnish();
    this.body.addEventListener("scroll", () => this.paint(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(this);
    document.fonts.addEventListener("loadingdone", () => this.#resized());
    document.addEventListener("preroll:setting", () => this.#resized());
    for (const when of ["beforeprint", "afterprint"]) addEventListener(when, () => this.#print(when === "beforeprint"));
    this.#timer = setInterval(() => this.#placeNow(), 1000);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  #furnish() {
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", `Timeline, times in ${this.zone.name}`);
    this.body.tabIndex = 0;
    this.body.setAttribute("role", "region");
    this.body.setAttribute("aria-label", "Rows; arrow keys move, plus and minus zoom, N is now");
    this.empty.hidden = true;
    const head = made("div", "tl-head", this);
    head.append(this.corner);
    made("div", "tl-clip", head).append(this.axis.ticks, this.axis.edge);
    this.layer.append(this.mover.ghost);
    this.append(this.body, this.empty, this.mover.tip);
  }

  // ---- data

  /** Rows, states and marks. @param {any} told */
  setLegend(told) {
    this.model.setLegend(told);
    this.refresh();
  }

  /** Bookings of a window, instead of all others or besides them. @param {any} told @param {boolean} fresh */
  setBookings(told, fresh) {
    if (fresh) this.model.clear();
    this.put(told);
  }

  /** Bookings as they are now. @param {any} told */
  put(told) {
    this.model.put(unpacked(told), told.gone);
    this.refresh();
  }

  /** @param {{ text: string, state: string[], byBooking: boolean }} wanted */
  look({ text, state, byBooking }) {
    const turned = byBooking !== this.model.byBooking;
    [this.model.text, this.model.state, this.model.byBooking] = [text.trim().toLowerCase(), state, byBooking];
    if (turned) this.#toNow = true;
    this.refresh();
  }

  /** @param {string} group */
  fold(group) {
    const { collapsed } = this.model;
    if (!collapsed.delete(group)) collapsed.add(group);
    this.refresh();
  }

  // ---- view

  get span() {
    return this.#span;
  }
  get to() {
    return this.from + this.#span;
  }
  get now() {
    return Date.now() / 1000 + this.ahead;
  }
  get editable() {
    return this.hasAttribute("editable") && !matchMedia("(max-width: 700px), (pointer: coarse)").matches;
  }
  /** Where the layer begins, in seconds. */
  get origin() {
    return this.#built.origin;
  }

  /** @param {number} from @param {number} span in seconds */
  setWindow(from, span) {
    this.#span = Math.min(SPAN.most, Math.max(SPAN.least, span));
    [this.from, this.perSecond] = [from, this.width / this.#span];
    this.#moved();
  }
  /** Have now a third from the left. */
  goNow() {
    this.setWindow(this.now - this.#span / 3, this.#span);
  }
  /** @param {number} factor over 1: closer @param {number} x */
  zoom(factor, x = this.width / 2) {
    const at = this.from + x / this.perSecond;
    const span = Math.min(SPAN.most, Math.max(SPAN.least, this.#span / factor));
    this.setWindow(at - (x / this.width) * span, span);
  }
  /** @param {number} pixels to the right */
  pan(pixels) {
    this.from -= pixels / this.perSecond;
    this.#moved();
  }

  /** Lay the rows out again, and draw. */
  refresh() {
    this.#stale = true;
    this.paint();
  }

  /** Draw with the next frame. */
  paint() {
    this.#asked ||= requestAnimationFrame(() => {
      this.#asked = 0;
      this.#draw();
    });
  }

  #moved() {
    this.paint();
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      this.#settled = true;
      this.paint();
      if (this.model.byBooking) this.refresh();
      this.dispatchEvent(new CustomEvent("timeline-view", { detail: { from: this.from, to: this.to } }));
    }, 120);
  }

  #resized() {
    if (this.#measure()) this.refresh();
  }

  #draw() {
    const { body, layer, axis, model } = this;
    if (!model.states.length || !body.clientWidth) return;
    if (!this.#measured) this.#measure();
    if (this.#stale) model.layOut(this.line, this.from, this.to);
    const built = this.#built;
    if (this.#toNow && this.#stale && model.rows.length) this.#showNow();
    const low = body.scrollTop;
    const first = this.#printing ? 0 : model.rowAt(low);
    const last = this.#printing ? Math.min(model.rows.length, PRINTED) : Math.min(model.rows.length, model.rowAt(low + body.clientHeight) + 1);
    const outside = this.from < built.from || this.to > built.to || first < built.first || last > built.last;
    if (this.#stale || outside || built.perSecond !== this.perSecond) this.#build(first, last);
    const left = this.#pixels(this.from);
    layer.style.transform = `translate3d(${-left}px,0,0)`;
    axis.move(left, this.zone.day(this.from));
    if (!this.#beyond) this.#reachOut();
    if (this.#built !== built || this.#settled) for (const bar of this.bars.values()) bar.stick(left);
    this.#settled = false;
  }

  /** What is in view has been drawn: what is around it comes with the next frame, and from then on at once. */
  #reachOut() {
    this.#beyond = BEYOND;
    requestAnimationFrame(() => setTimeout(() => {
      this.#built = { ...this.#built, to: this.from };
      this.paint();
    }));
  }

  /** Of many rows of bookings, those that run now. */
  #showNow() {
    this.#toNow = false;
    const first = this.model.byBooking ? this.model.rows.find(({ items }) => items[0].to > this.now) : undefined;
    this.sizer.style.height = `${this.model.height}px`;
    this.body.scrollTop = first?.top ?? 0;
  }

  /** Make the bars of what is in view and around it. @param {number} first @param {number} last */
  #build(first, last) {
    const began = performance.now();
    const { model, perSecond, holder } = this;
    const old = this.#built;
    const [from, to] = [this.from - this.#span * this.#beyond, this.to + this.#span * this.#beyond];
    const kept = old.perSecond === perSecond && Math.abs(from - old.origin) * perSecond < 200_000;
    const [top, end] = [Math.max(0, first - 6), Math.min(model.rows.length, last + 6)];
    this.#built = { from, to, first: top, last: end, perSecond, origin: kept ? old.origin : from };
    const anew = !kept || this.#stale;
    this.#stale = false;
    const measures = { origin: this.origin, perSecond, line: this.line, until: to + DAY, now: this.now, editable: this.editable, ruler: this.ruler };
    const seen = new Set();
    const fresh = document.createDocumentFragment();
    let behind = 0;
    for (const row of model.rows.slice(top, end)) {
      /** @type {{ like: import("./timeline_model.js").Booking, until: number }[]} the last that is drawn, by lane */
      const drawn = [];
      for (const booking of row.items) {
        if (booking.from > to) break;
        if (booking.to < from) continue;
        const key = `${row.key}\n${booking.id}`;
        const lane = row.lanes.get(booking.id) ?? 0;
        if (this.#covered(booking, drawn[lane]) && key !== this.#focused && booking.id !== this.chosen) {
          behind += 1;
          continue;
        }
        drawn[lane] = { like: booking, until: Math.max(booking.to, booking.from + LEAST / perSecond) };
        seen.add(key);
        let bar = this.bars.get(key);
        const known = bar;
        if (!bar) {
          this.bars.set(key, (bar = new Bar(key, row, booking)));
          fresh.append(bar.node);
        }
        if (!known || anew) {
          [bar.row, bar.booking] = [row, booking];
          bar.paint(measures, model, this.zone);
          bar.node.toggleAttribute("data-chosen", booking.id === this.chosen);
        }
      }
    }
    this.#forget(seen);
    holder.append(fresh);
    this.#drawRows(model.rows.slice(top, end), behind);
    this.axis.draw(this.zone.ticks(from, to, LABEL_ROOM / perSecond), (at) => this.#pixels(at));
    this.#placeNow();
    this.#rove();
    const milliseconds = performance.now() - began;
    const { builds, longest } = this.stats;
    this.stats = { builds: builds + 1, milliseconds, longest: Math.max(longest, milliseconds), bars: this.bars.size };
  }

  /** Would it be drawn wholly over its like? From afar, many are: one of them stands for all. @param {import("./timeline_model.js").Booking} one @param {{ like: import("./timeline_model.js").Booking, until: number } | undefined} before */
  #covered(one, before) {
    return before !== undefined && one.to <= before.until && one.state === before.like.state && one.marks === before.like.marks && this.model.matches(one) === this.model.matches(before.like);
  }

  /** @param {Set<string>} seen */
  #forget(seen) {
    for (const [key, bar] of this.bars) {
      if (seen.has(key) || bar.node === document.activeElement) continue;
      bar.node.remove();
      this.bars.delete(key);
    }
  }

  /** @param {Row[]} rows @param {number} behind bookings that others stand for */
  #drawRows(rows, behind) {
    const { sizer, stripes, corner, empty, model } = this;
    sizer.style.height = `${model.height}px`;
    corner.textContent = `${model.byBooking ? "Bookings" : "Resources"}${behind ? " · closer shows all" : ""}`;
    corner.title = behind ? `${behind} bookings are too short to be drawn one by one from so far: others like them stand for them` : "";
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest(".tl-group"))?.dataset.group;
    stripes.replaceChildren(...rows.map((row) => stripe(row, model.collapsed.has(row.group))));
    if (focused !== undefined) /** @type {HTMLElement | null} */ (stripes.querySelector(`[data-group="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });
    const nothing = !model.rows.length;
    empty.hidden = !nothing;
    empty.textContent = model.text || model.state.length ? "No row is like that" : model.byBooking ? "Nothing is booked in this window" : "There are no resources yet. Import a spreadsheet of them (preroll resource import FILE) or apply a folder of files (preroll apply FOLDER): each gets a row here.";
  }

  #placeNow() {
    if (!this.#built.perSecond) return;
    this.axis.tell(this.#pixels(this.now), this.zone.clock(Math.floor(this.now / 60) * 60));
    this.axis.move(this.#pixels(this.from), this.zone.day(this.from));
  }

  /** From the origin. @param {number} at */
  #pixels(at) {
    return (at - this.origin) * this.perSecond;
  }

  /** @param {boolean} printing */
  #print(printing) {
    this.#printing = printing;
    this.classList.toggle("printing", printing);
    this.#stale = true;
    this.#measure();
    this.#draw();
  }

  /** How much room there is, and how its text is set; false: as before. */
  #measure() {
    const style = getComputedStyle(this);
    const [ruler, line, width] = [new Ruler(`${TEXT} ${style.fontFamily}`), parseFloat(style.getPropertyValue("--row")) || 28, this.clip.clientWidth || 1];
    const found = `${width} ${line} ${ruler}`;
    if (found === this.#measured) return false;
    [this.#measured, this.ruler, this.line, this.width, this.perSecond] = [found, ruler, line, width, width / this.#span];
    return true;
  }

  // ---- choice and focus

  /** Show which booking is looked at. @param {string | null} id @param {boolean} reveal bring it into view */
  choose(id, reveal = false) {
    this.chosen = id;
    if (id && reveal) this.reveal(id);
    for (const bar of this.bars.values()) {
      bar.node.toggleAttribute("data-chosen", bar.booking.id === id);
      if (bar.booking.id === id) bar.node.setAttribute("aria-current", "true");
      else bar.node.removeAttribute("aria-current");
    }
  }

  /** Bring a booking into view. @param {string} id */
  reveal(id) {
    const { body, model } = this;
    const booking = model.bookings.get(id);
    if (!booking) return;
    if (booking.to < this.from || booking.from > this.to) this.setWindow(booking.start - this.#span / 3, this.#span);
    model.layOut(this.line, this.from, this.to);
    this.sizer.style.height = `${model.height}px`;
    const rows = model.rows.filter((row) => row.items.includes(booking));
    const seen = rows.some((row) => row.top >= body.scrollTop && row.top + row.height <= body.scrollTop + body.clientHeight);
    if (rows.length && !seen) body.scrollTop = Math.max(0, rows[0].top - body.clientHeight / 3);
    this.refresh();
  }

  /** @param {Element | null} node */
  barOf(node) {
    return this.bars.get(/** @type {HTMLElement | null} */ (node?.closest?.(".bk"))?.dataset.key ?? "");
  }

  /** Focus a bar, making it first if it is not there. @param {Row} row @param {string} id */
  focusBar(row, id) {
    const booking = this.model.bookings.get(id);
    if (!booking) return;
    if (booking.start < this.from || booking.start > this.to) this.from = booking.start - this.#span / 3;
    if (row.top < this.body.scrollTop) this.body.scrollTop = row.top;
    if (row.top + row.height > this.body.scrollTop + this.body.clientHeight) this.body.scrollTop = row.top + row.height - this.body.clientHeight;
    this.#focused = `${row.key}\n${id}`;
    if (!this.bars.has(this.#focused)) this.#stale = true;
    this.#draw();
    this.#moved();
    this.#rove();
    this.bars.get(this.#focused)?.node.focus({ preventScroll: true });
  }

  /** One bar can be reached by the tab key. */
  #rove() {
    const chosen = [...this.bars.values()].find((bar) => bar.key === this.#focused || bar.booking.id === this.chosen);
    const reachable = this.bars.get(this.#focused) ?? chosen ?? this.bars.values().next().value;
    for (const bar of this.bars.values()) bar.node.tabIndex = bar === reachable ? 0 : -1;
  }
}

customElements.define("booking-timeline", BookingTimeline);
