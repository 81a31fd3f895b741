// SPDX-License-Identifier: Apache-2.0
// One bar of a timeline: a button that says what it is, with its pre- and post-roll, what was played, and its marks.
import { HANDLES } from "./timeline_model.js";

/** @typedef {import("./timeline_model.js").Booking} Booking */
/** @typedef {import("./timeline_model.js").Model} Model */
/** @typedef {import("./timeline_model.js").Row} Row */
/** @typedef {import("./timeline_time.js").Zone} Zone */
/** @typedef {{ origin: number, perSecond: number, line: number, until: number, now: number, editable: boolean, ruler: Ruler }} Scale
 *   until: where what has no end is cut off */

/** @type {Record<string, string>} */
const SIGNS = { waiting: "⧗", late: "!", "in conflict": "⚡", "not reset": "↺", "near air": "◔", lapsed: "∅", overlay: "+" };
/** How wide a bar is at least, in pixels. */
export const LEAST = 3;
const ROOM = { glyph: 14, name: 44, word: 150 };
const AROUND = 12; // a text's padding and the border, in pixels

/** @param {string} name @param {string} className @param {HTMLElement} [parent] */
export function made(name, className, parent) {
  const node = document.createElement(name);
  node.className = className;
  parent?.append(node);
  return node;
}

export class Bar {
  x = 0;
  width = 0;
  lead = 0;
  #shift = 0;
  #told = "";
  #said = "";
  #label = "";
  /** @type {Ruler | null} what cuts its label; null: it is clipped */ #ruler = null;

  /** @param {string} key @param {Row} row @param {Booking} booking */
  constructor(key, row, booking) {
    this.key = key;
    this.row = row;
    this.booking = booking;
    this.node = /** @type {HTMLButtonElement} */ (made("button", "bk"));
    this.node.type = "button";
    this.node.tabIndex = -1;
    this.node.dataset.key = key;
    this.node.dataset.id = booking.id;
    this.text = made("span", "bk-text", this.node);
  }

  /** Put it where it belongs. @param {Scale} scale @param {Model} model @param {Zone} zone */
  paint(scale, model, zone) {
    const { booking, row } = this;
    const p = scale.perSecond;
    this.x = (booking.from - scale.origin) * p;
    this.width = Math.max(LEAST, (Math.min(booking.to, scale.until) - booking.from) * p - 1);
    this.lead = booking.pre * p;
    const y = row.top + (row.lanes.get(booking.id) ?? 0) * scale.line + 3;
    const style = this.node.style;
    style.marginLeft = `${this.x.toFixed(1)}px`;
    style.marginTop = `${y}px`;
    style.width = `${this.width.toFixed(1)}px`;
    style.setProperty("--pre", `${this.lead.toFixed(1)}px`);
    style.setProperty("--post", `${booking.end === null ? 0 : (booking.post * p).toFixed(1)}px`);
    this.#drawPlayed(scale);
    this.#say(scale, model, zone);
    this.#write();
  }

  /** @param {Scale} scale @param {Model} model @param {Zone} zone */
  #say(scale, model, zone) {
    const { booking, row } = this;
    const state = model.states[booking.state];
    const marks = model.marks.filter((_, place) => booking.marks & (1 << place));
    const can = scale.editable ? booking.handles : 0;
    const room = this.width - this.lead - (booking.end === null ? 0 : booking.post * scale.perSecond);
    const size = room > ROOM.word ? 3 : room > ROOM.name ? 2 : room > ROOM.glyph ? 1 : 0;
    const off = !model.matches(booking);
    const told = [booking.revision, booking.state, booking.marks, booking.name, booking.start, booking.end, can, size, off, row.name].join();
    if (told === this.#told) return;
    this.#told = told;
    this.node.className = `bk state-${state.slug} pattern-${state.pattern}${marks.some((mark) => mark !== "overlay") ? " marked" : marks.length ? " more" : ""}${off ? " off" : ""}`
      + `${can & HANDLES.start ? " can-move" : can & HANDLES.end ? " can-end" : ""}${booking.end === null ? " endless" : ""}`;
    this.#label = size > 1 ? `${state.glyph} ${booking.name}` : size ? state.glyph : "";
    this.#ruler = size > 1 && !marks.length ? scale.ruler : null;
    this.text.replaceChildren(...(size ? marks.map((mark) => badge(mark, size === 3)) : []));
    const entering = booking.entering ? `, on its way to ${booking.entering}` : "";
    this.#said = `${this.#where()}, ${state.name}${entering}${marks.map((mark) => `, ${mark}`).join("")}`;
    this.node.setAttribute("aria-label", `${booking.name}, ${this.#said}, ${zone.range(booking.start, booking.end)}`);
  }

  /** As much of its label as there is room for: drawn, because its name says all of it to whoever hears the bar. */
  #write() {
    const room = this.width - this.lead - this.#shift - AROUND;
    const text = this.#ruler ? this.#ruler.cut(this.#label, room) : this.#label;
    if (text !== this.text.dataset.shown) this.text.dataset.shown = text;
  }

  #where() {
    return this.row.kind === "booking" ? this.row.note || "no resource" : this.row.name;
  }

  /** All of it, for who points at it. @param {Zone} zone */
  explain(zone) {
    const { name, start, end } = this.booking;
    this.node.title = `${name}\n${this.#said}\n${zone.range(start, end)}${this.#late(zone)}`;
  }

  /** What was played beside what was planned, in words. @param {Zone} zone */
  #late(zone) {
    const { onAir = null, offAir = null } = this.booking.played ?? {};
    if (onAir === null) return "";
    return `\nplayed ${zone.clock(onAir)}${offAir === null ? "" : ` – ${zone.clock(offAir)}`}`;
  }

  /** A line along the foot of the bar: thin while its events ran, full while it was on the air. @param {Scale} scale */
  #drawPlayed({ perSecond, now }) {
    const { played, from } = this.booking;
    const { style } = this.node;
    if (!played || played.began === null) return style.removeProperty("--ran-long");
    const at = (/** @type {number | null} */ instant) => ((instant ?? now) - from) * perSecond;
    const begin = at(played.began);
    style.setProperty("--ran-at", `${begin.toFixed(1)}px`);
    style.setProperty("--ran-long", `${Math.max(1, at(played.ended) - begin).toFixed(1)}px`);
    const on = played.onAir === null ? 0 : at(played.onAir) - begin;
    const off = played.onAir === null ? 0 : at(played.offAir) - begin;
    style.setProperty("--on", `${on.toFixed(1)}px`);
    style.setProperty("--off", `${off.toFixed(1)}px`);
  }

  /** Keep its name in view when it begins left of it. @param {number} left of what is in view */
  stick(left) {
    const hidden = left - this.x - this.lead;
    const shift = hidden > 0 && this.x + this.width > left + 24 ? Math.min(hidden, this.width - this.lead - 24) : 0;
    if (Math.abs(shift - this.#shift) < 0.5) return;
    this.#shift = Math.max(0, shift);
    this.text.style.paddingLeft = this.#shift ? `${(this.#shift + 5).toFixed(1)}px` : "";
    this.#write();
  }
}

/** @param {string} mark @param {boolean} wide */
function badge(mark, wide) {
  const node = made("span", `bk-mark mark-${mark.replace(" ", "-")}`);
  node.textContent = wide ? mark : SIGNS[mark] ?? "•";
  return node;
}

/** How much of a name fits on a bar. A bar that clips its text would be a layer of its own to the browser, hundreds of
    them in each frame of a pan; so what does not fit is not written. */
export class Ruler {
  /** @type {Map<string, number>} pixels of each character */ #known = new Map();
  #pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));

  /** @param {string} font as in CSS */
  constructor(font) {
    this.#pen.font = font;
  }

  /** Its font, and how wide that comes out: another, once one that was on its way is here. */
  toString() {
    return `${this.#pen.font} ${this.#pen.measureText("Preroll").width}`;
  }

  /** What of a text fits. @param {string} text @param {number} room in pixels */
  cut(text, room) {
    let [left, end] = [room, 0];
    for (const character of text) {
      left -= this.#width(character);
      if (left < 0) return text.slice(0, end);
      end += character.length;
    }
    return text;
  }

  /** Digits are all as wide as a zero. @param {string} character */
  #width(character) {
    let width = this.#known.get(character);
    if (width === undefined) {
      width = this.#pen.measureText(/\d/.test(character) ? "0" : character).width;
      this.#known.set(character, width);
    }
    return width;
  }
}
