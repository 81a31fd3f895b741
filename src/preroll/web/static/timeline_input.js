// SPDX-License-Identifier: Apache-2.0
// What hands do with a timeline: pointer, wheel and keys. A finger looks; a mouse and the keys also move bookings.

/** @typedef {import("./timeline.js").BookingTimeline} BookingTimeline */
/** @typedef {import("./timeline_move.js").Mover} Mover */
/** @typedef {import("./timeline_move.js").Way} Way */
/** @typedef {import("./timeline_bar.js").Bar} Bar */

const FAR = 4;
const EDGE = 7;
const WIDE = 26;
const BORDER = 36;
const CLOSER = 1.4;

export class Hands {
  /** @type {{ x: number, y: number, from: number, at: number, bar: Bar | undefined, way: Way, on: boolean } | null} */ #drag = null;
  /** @type {Map<number, PointerEvent>} */ #fingers = new Map();
  #pinch = 0;
  #dragged = false;

  /** @param {BookingTimeline} timeline @param {Mover} mover */
  constructor(timeline, mover) {
    this.timeline = timeline;
    this.mover = mover;
    timeline.addEventListener("pointerdown", (event) => this.#down(event));
    timeline.addEventListener("pointermove", (event) => this.#move(event));
    timeline.addEventListener("pointerup", (event) => this.#up(event));
    timeline.addEventListener("pointercancel", (event) => this.#up(event, true));
    timeline.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    timeline.addEventListener("pointerover", (event) => timeline.barOf(/** @type {Element} */ (event.target))?.explain(timeline.zone));
    timeline.addEventListener("click", (event) => this.#click(event));
    timeline.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {PointerEvent | WheelEvent} event where in the rows it is, in pixels */
  #x(event) {
    return event.clientX - this.timeline.clip.getBoundingClientRect().left;
  }

  /** @param {PointerEvent} event */
  #at(event) {
    return this.timeline.from + this.#x(event) / this.timeline.perSecond;
  }

  // ---- pointer

  /** @param {PointerEvent} event */
  #down(event) {
    this.#dragged = false;
    if (event.pointerType === "touch") this.#fingers.set(event.pointerId, event);
    if (event.button || this.mover.active || this.#fingers.size > 1) return;
    const target = /** @type {Element} */ (event.target);
    if (!target.closest(".tl-rows, .tl-head")) return;
    const found = event.pointerType === "mouse" ? this.timeline.barOf(target) : undefined;
    const way = found ? this.#grip(found, event) : "move";
    const bar = found && this.mover.can(found, way) ? found : undefined;
    this.#drag = { x: event.clientX, y: event.clientY, from: this.timeline.from, at: this.#at(event), bar, way, on: false };
  }

  /** Where a bar was taken. @param {Bar} bar @param {PointerEvent} event @returns {Way} */
  #grip(bar, event) {
    const { left, right, width } = bar.node.getBoundingClientRect();
    if (!this.mover.can(bar, "move")) return "end";
    if (width < WIDE) return "move";
    return event.clientX - left < EDGE ? "start" : right - event.clientX < EDGE ? "end" : "move";
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (this.#fingers.has(event.pointerId)) this.#fingers.set(event.pointerId, event);
    if (this.#fingers.size === 2) return this.#squeeze();
    const drag = this.#drag;
    if (!drag) return;
    if (!drag.on) {
      if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FAR) return;
      drag.on = this.#dragged = true;
      this.timeline.setPointerCapture(event.pointerId);
      if (drag.bar) this.mover.begin(drag.bar, drag.way);
    }
    if (!drag.bar) return this.timeline.setWindow(drag.from - (event.clientX - drag.x) / this.timeline.perSecond, this.timeline.span);
    if (!this.mover.active) return;
    this.#border(event);
    this.mover.to(this.#at(event) - drag.at, this.#rowUnder(event));
  }

  /** @param {PointerEvent} event */
  #rowUnder(event) {
    const { body, model } = this.timeline;
    return model.rows[model.rowAt(event.clientY - body.getBoundingClientRect().top + body.scrollTop)] ?? null;
  }

  /** What is beyond the border comes into view. @param {PointerEvent} event */
  #border(event) {
    const { timeline } = this;
    const { body } = timeline;
    const x = this.#x(event);
    const past = Math.min(0, x - BORDER) + Math.max(0, x - timeline.width + BORDER);
    if (past) timeline.pan(-past / 3);
    const { top, bottom } = body.getBoundingClientRect();
    body.scrollTop += (Math.min(0, event.clientY - top - BORDER / 2) + Math.max(0, event.clientY - bottom + BORDER / 2)) / 3;
  }

  /** Two fingers. */
  #squeeze() {
    this.#drag = null;
    const [one, other] = [...this.#fingers.values()];
    const apart = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    if (this.#pinch) this.timeline.zoom(apart / this.#pinch, (this.#x(one) + this.#x(other)) / 2);
    this.#pinch = apart;
  }

  /** @param {PointerEvent} event @param {boolean} [lost] */
  #up(event, lost = false) {
    this.#fingers.delete(event.pointerId);
    this.#pinch = 0;
    const drag = this.#drag;
    this.#drag = null;
    if (!drag?.on || !drag.bar) return;
    if (lost) this.mover.abandon();
    else this.mover.finish();
  }

  /** @param {MouseEvent} event */
  #click(event) {
    if (this.#dragged) return;
    const target = /** @type {Element} */ (event.target);
    const group = /** @type {HTMLElement | null} */ (target.closest(".tl-group"));
    if (group) return this.timeline.fold(group.dataset.group ?? "");
    const bar = this.timeline.barOf(target);
    if (bar) this.#choose(bar.booking.id);
  }

  /** @param {string | null} id */
  #choose(id) {
    this.timeline.choose(id);
    this.timeline.dispatchEvent(new CustomEvent("booking-choose", { detail: { id } }));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    const head = /** @type {Element} */ (event.target).closest(".tl-head");
    if (event.ctrlKey || event.metaKey || head) this.timeline.zoom(Math.exp(-event.deltaY / 400), this.#x(event));
    else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.timeline.pan(-(event.deltaX || event.deltaY));
    else return;
    event.preventDefault();
  }

  // ---- keys

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey) return;
    const bar = this.timeline.barOf(/** @type {Element} */ (event.target));
    const done = this.mover.active ? this.#steer(event) : (bar && this.#along(bar, event)) || this.#over(event, bar);
    if (done) event.preventDefault();
  }

  /** While something is moved. @param {KeyboardEvent} event @returns {boolean} */
  #steer(event) {
    const { mover, timeline } = this;
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape") {
      this.#drag = null;
      mover.abandon();
    } else if (this.#drag) return false;
    else if (event.key === "Enter" || event.key === " ") mover.finish();
    else if (side) mover.to(mover.moved + side * mover.step * (event.shiftKey ? 6 : 1), null);
    else if (step) {
      const rows = timeline.model.rows.filter((row) => row.kind === "resource");
      mover.to(mover.moved, rows[rows.findIndex((row) => row.key === mover.row?.key) + step] ?? null);
    } else return event.key !== "Tab";
    return true;
  }

  /** From bar to bar, and a bar from its place. @param {Bar} bar @param {KeyboardEvent} event @returns {boolean} */
  #along(bar, event) {
    const arrow = event.key.startsWith("Arrow");
    if (arrow && event.altKey) {
      const way = event.shiftKey ? "end" : "move";
      if (!this.mover.can(bar, way)) return true;
      this.mover.begin(bar, way);
      return this.#steer(new KeyboardEvent("keydown", { key: event.key }));
    }
    if (!arrow) return false;
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const { row, booking } = bar;
    if (side) {
      const next = row.items[row.items.findIndex(({ id }) => id === booking.id) + side];
      if (next) this.timeline.focusBar(row, next.id);
      return true;
    }
    const { rows } = this.timeline.model;
    const step = event.key === "ArrowUp" ? -1 : 1;
    const here = rows.findIndex(({ key }) => key === row.key);
    for (let place = here + step; rows[place]; place += step) {
      const { items } = rows[place];
      if (!items.length) continue;
      const near = items.reduce((best, one) => (Math.abs(one.start - booking.start) < Math.abs(best.start - booking.start) ? one : best));
      this.timeline.focusBar(rows[place], near.id);
      break;
    }
    return true;
  }

  /** The view. @param {KeyboardEvent} event @param {Bar | undefined} bar @returns {boolean} */
  #over(event, bar) {
    const { timeline } = this;
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "+" || event.key === "=") timeline.zoom(CLOSER);
    else if (event.key === "-") timeline.zoom(1 / CLOSER);
    else if (event.key === "n" || event.key === "N") timeline.goNow();
    else if (event.key === "Escape" && timeline.chosen) this.#choose(null);
    else if (side && !bar) timeline.pan((-side * timeline.width) / 5);
    else return false;
    return true;
  }
}
