// SPDX-License-Identifier: Apache-2.0
// What is around the bars of a timeline: rows with their labels, and the axis with its ticks, days and now.
import { made } from "./timeline_bar.js";

/** @typedef {import("./timeline_model.js").Row} Row */
/** @typedef {import("./timeline_time.js").Tick} Tick */

/** A row and its label; that of a group folds it. @param {Row} row @param {boolean} folded */
export function stripe(row, folded) {
  const group = row.kind === "group";
  const drawn = made("div", `tl-row ${row.kind}`);
  drawn.style.transform = `translateY(${row.top}px)`;
  drawn.style.height = `${row.height}px`;
  const label = made(group ? "button" : "div", `tl-label${group ? " tl-group" : ""}`, drawn);
  made("bdi", "tl-name", label).textContent = row.name;
  label.title = row.note ? `${row.name}\n${row.note}` : row.name;
  if (row.note) made("span", "tl-note", label).textContent = row.note;
  if (group) {
    /** @type {HTMLButtonElement} */ (label).type = "button";
    label.dataset.group = row.group;
    label.setAttribute("aria-expanded", String(!folded));
  }
  return drawn;
}

/** Pixels: half of the badge of now and a little, and how far the name of a day reaches. */
const [BADGE, DAY_SAID] = [26, 84];

/** How far the name of a day has to step aside, so that the badge of now does not cover it. @param {number} away pixels from its begin to now */
const aside = (away) => (away > 5 - BADGE && away < DAY_SAID + BADGE ? away + BADGE : 0);

/** @param {number} pixels 0: as the style sheet has it */
const padded = (pixels) => (pixels ? `${pixels.toFixed(1)}px` : "");

/** Times above the rows, a line through them for each, and now. Places are pixels from the origin of the layer. */
export class Axis {
  ticks = made("div", "tl-axis");
  /** Names the day at the left edge. */ edge = made("div", "tl-day");
  badge = made("div", "tl-now-label");
  /** @type {{ label: HTMLElement, at: number }[]} the names of days, and where their midnights are */ #days = [];
  #now = 0;

  /** @param {HTMLElement} layer what moves when one pans: bars are in it */
  constructor(layer) {
    this.grid = made("div", "tl-grid");
    this.grid.setAttribute("aria-hidden", "true");
    layer.prepend(this.grid);
    this.line = made("div", "tl-now", layer);
  }

  /** @param {Tick[]} ticks @param {(at: number) => number} place */
  draw(ticks, place) {
    const drawn = ticks.map(({ at, text, kind }) => {
      const [label, line] = [made("div", `tl-tick ${kind}`), made("div", `tl-line ${kind}`)];
      label.textContent = text;
      label.style.marginLeft = line.style.marginLeft = `${place(at).toFixed(1)}px`;
      return { label, line, kind, at: place(at) };
    });
    this.ticks.replaceChildren(...drawn.map(({ label }) => label), this.badge);
    this.grid.replaceChildren(...drawn.map(({ line }) => line));
    this.#days = drawn.filter(({ kind }) => kind === "day");
  }

  /** @param {number} now @param {string} text */
  tell(now, text) {
    this.#now = now;
    this.line.style.left = this.badge.style.marginLeft = `${now.toFixed(1)}px`;
    this.badge.textContent = text;
  }

  /** In every frame of a pan, so only what changes is touched. Each day is named at its midnight, the one at the left edge
      there, until the name of the next one is; a name that would step aside onto the next one is not told. @param {number} left @param {string} day at the left edge */
  move(left, day) {
    this.ticks.style.transform = `translate3d(${-left}px,0,0)`;
    const begin = aside(this.#now - left);
    this.edge.hidden = this.#days.some(({ at }) => at > left - 1 && at < left + begin + DAY_SAID);
    this.edge.style.marginLeft = padded(begin);
    if (this.edge.textContent !== day) this.edge.textContent = day;
    let next = Infinity;
    for (const { label, at } of this.#days.toReversed()) {
      const step = aside(this.#now - at);
      label.classList.toggle("past", at <= left - 1 || (step > 0 && at + step + DAY_SAID > next));
      label.style.paddingLeft = padded(step);
      next = at + step;
    }
  }
}
