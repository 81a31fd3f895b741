// SPDX-License-Identifier: Apache-2.0
// What is behind the bars of a timeline: rows with their labels, and the ticks of the axis with their lines.
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

/** Labels for the axis, and a line for each. @param {Tick[]} ticks @param {number} origin @param {number} perSecond */
export function scale(ticks, origin, perSecond) {
  const [labels, lines] = [/** @type {HTMLElement[]} */ ([]), /** @type {HTMLElement[]} */ ([])];
  for (const { at, text, kind } of ticks) {
    const [label, line] = [made("div", `tl-tick ${kind}`), made("div", `tl-line ${kind}`)];
    label.textContent = text;
    label.style.marginLeft = line.style.marginLeft = `${((at - origin) * perSecond).toFixed(1)}px`;
    labels.push(label);
    lines.push(line);
  }
  return { labels, lines };
}

/** Pixels: half of the badge of now and a little, and how far the name of a day reaches from its midnight. */
const [BADGE, DAY_SAID] = [26, 84];

/** The name of a day that the badge of now would cover stands beside it. @param {HTMLElement} axis @param {number} now */
export function stepAside(axis, now) {
  for (const day of /** @type {NodeListOf<HTMLElement>} */ (axis.querySelectorAll(".tl-tick.day"))) {
    const away = now - parseFloat(day.style.marginLeft);
    day.style.paddingLeft = away > 5 - BADGE && away < DAY_SAID + BADGE ? `${(away + BADGE).toFixed(1)}px` : "";
  }
}

/** The day at the left edge is said there, until the name of the next one is. @param {HTMLElement} said @param {HTMLElement} axis @param {number} left @param {string} day */
export function sayDay(said, axis, left, day) {
  const away = [.../** @type {NodeListOf<HTMLElement>} */ (axis.querySelectorAll(".tl-tick.day"))].map((tick) => parseFloat(tick.style.marginLeft) - left);
  said.hidden = away.some((at) => at > -1 && at < DAY_SAID);
  const now = parseFloat(/** @type {HTMLElement} */ (axis.lastElementChild).style.marginLeft) - left;
  said.style.marginLeft = now > -BADGE && now < DAY_SAID + BADGE ? `${(now + BADGE).toFixed(1)}px` : "";
  if (said.textContent !== day) said.textContent = day;
}
