// SPDX-License-Identifier: Apache-2.0
// What a timeline knows: bookings, the rows that they stand on, and the lane of each on its row.

/**
 * @typedef {{ began: number | null, onAir: number | null, offAir: number | null, ended: number | null }} Played
 * @typedef {{ id: string, name: string, state: number, start: number, end: number | null, pre: number, post: number,
 *   resources: string[], revision: number, marks: number, handles: number, entering: string, played: Played | null,
 *   from: number, to: number }} Booking from, to: what it holds, pre- and post-roll included; Infinity: without end
 * @typedef {{ name: string, slug: string, glyph: string, pattern: string }} State
 * @typedef {{ id: string, name: string, pools: string[], function: string, note: string }} Resource
 * @typedef {{ key: string, kind: "group" | "resource" | "booking", name: string, note: string, resource: string,
 *   group: string, items: Booking[], lanes: Map<string, number>, count: number, top: number, height: number }} Row
 */

export const HANDLES = { start: 1, end: 2, resource: 4 };
export const NOWHERE = "";

/** Bookings as the server packs them. @param {any} told @returns {Booking[]} */
export function unpacked(told) {
  return told.blocks.map((/** @type {any[]} */ row) => {
    const [id, name, state, start, end, pre, post, places, revision, marks, handles, entering, played] = row;
    return {
      id, name, state, start, end, pre, post, revision, marks, handles, entering,
      resources: places.map((/** @type {number} */ place) => told.resources[place]),
      played: played ? { began: played[0], onAir: played[1], offAir: played[2], ended: played[3] } : null,
      from: start - pre,
      to: end === null ? Infinity : end + post,
    };
  });
}

/** A line of its own for each that would lie on another; sorts them. @param {Booking[]} items */
function laned(items) {
  items.sort((a, b) => a.from - b.from || (a.id < b.id ? -1 : 1));
  /** @type {Map<string, number>} */
  const lanes = new Map();
  /** @type {number[]} */
  const free = [];
  for (const one of items) {
    let lane = free.findIndex((until) => until <= one.from);
    if (lane < 0) lane = free.length;
    free[lane] = one.to;
    lanes.set(one.id, lane);
  }
  return { lanes, count: Math.max(1, free.length) };
}

export class Model {
  /** @type {State[]} */ states = [];
  /** @type {string[]} */ marks = [];
  /** @type {string[]} */ pools = [];
  /** @type {Resource[]} */ resources = [];
  /** @type {Map<string, Booking>} */ bookings = new Map();
  /** @type {Row[]} what is seen, from above */ rows = [];
  /** @type {Set<string>} names of groups */ collapsed = new Set();
  /** A row a booking. */ byBooking = false;
  text = "";
  /** @type {string[]} names of states; none: any */ state = [];
  height = 0;
  /** @type {Map<string, Booking[]>} */ #on = new Map();
  /** @type {Map<string, { lanes: Map<string, number>, count: number }>} */ #lanes = new Map();
  /** @type {Map<string, string>} */ #names = new Map();

  /** @param {any} told */
  setLegend(told) {
    [this.states, this.marks, this.pools] = [told.states, told.marks, told.pools];
    this.resources = told.rows.map((/** @type {any[]} */ [id, name, pools, fn, note]) => ({ id, name, pools, function: fn, note }));
    this.#names = new Map(this.resources.map(({ id, name }) => [id, name]));
  }

  /** @param {Booking[]} found @param {string[]} gone */
  put(found, gone = []) {
    for (const id of gone) this.#take(id);
    for (const one of found) {
      this.#take(one.id);
      this.bookings.set(one.id, one);
      for (const place of this.#places(one)) {
        const on = this.#on.get(place);
        if (on) on.push(one);
        else this.#on.set(place, [one]);
        this.#lanes.delete(place);
      }
    }
  }

  clear() {
    for (const known of [this.bookings, this.#on, this.#lanes]) known.clear();
  }

  /** @param {string} id */
  #take(id) {
    const old = this.bookings.get(id);
    if (!old) return;
    this.bookings.delete(id);
    for (const place of this.#places(old)) {
      this.#on.set(place, (this.#on.get(place) ?? []).filter((one) => one.id !== id));
      this.#lanes.delete(place);
    }
  }

  /** @param {Booking} one */
  #places(one) {
    return one.resources.length ? one.resources : [NOWHERE];
  }

  /** @param {string} resource */
  named(resource) {
    return this.#names.get(resource) ?? (resource === NOWHERE ? "no resource" : "a resource that was removed");
  }

  /** Is it one of those that are looked for? @param {Booking} one */
  matches(one) {
    if (this.state.length && !this.state.includes(this.states[one.state].name)) return false;
    if (!this.text || one.name.toLowerCase().includes(this.text)) return true;
    return !this.byBooking && one.resources.some((id) => this.named(id).toLowerCase().includes(this.text));
  }

  /** Put the rows in order. @param {number} line height of one lane @param {number} from @param {number} to what is in view */
  layOut(line, from, to) {
    const rows = this.byBooking ? this.#bookingRows(from, to) : this.#resourceRows();
    let top = 0;
    for (const row of rows) {
      [row.top, row.height] = [top, row.count * line];
      top += row.height;
    }
    [this.rows, this.height] = [rows, top];
  }

  /** @param {number} from @param {number} to @returns {Row[]} */
  #bookingRows(from, to) {
    const seen = [...this.bookings.values()].filter((one) => one.from < to && one.to > from && this.matches(one));
    seen.sort((a, b) => a.start - b.start || (a.id < b.id ? -1 : 1));
    return seen.map((one) => ({
      key: one.id, kind: "booking", name: one.name, note: one.resources.map((id) => this.named(id)).join(", "),
      resource: one.resources[0] ?? NOWHERE, group: "", items: [one], lanes: new Map([[one.id, 0]]), count: 1, top: 0, height: 0,
    }));
  }

  /** @returns {Row[]} */
  #resourceRows() {
    const groups = this.#groups();
    const plain = groups.size < 2 && !groups.has(NOWHERE) && [...groups.keys()][0] === "No pool";
    /** @type {Row[]} */
    const rows = [];
    for (const [group, members] of groups) {
      const shown = members.map((one) => this.#row(one, group)).filter((row) => this.#wanted(row));
      if (!shown.length) continue;
      if (!plain) rows.push(heading(group, shown.length));
      if (plain || !this.collapsed.has(group)) rows.push(...shown);
    }
    return rows;
  }

  /** Resources by pool, those without one last, then what has no resource. */
  #groups() {
    /** @type {Map<string, Resource[]>} */
    const groups = new Map();
    for (const pool of this.pools) groups.set(pool, []);
    for (const one of this.resources) for (const pool of one.pools) groups.get(pool)?.push(one);
    const [alone, strange] = [this.resources.filter(({ pools }) => !pools.length), this.#strange()];
    if (alone.length) groups.set("No pool", alone);
    if (strange.length) groups.set("No resource", strange);
    return groups;
  }

  /** Rows of what stands on nothing that is listed. @returns {Resource[]} */
  #strange() {
    const found = [...this.#on].filter(([id, on]) => on.length && !this.#names.has(id));
    return found.map(([id]) => ({ id, name: this.named(id), pools: [], function: "", note: "" }));
  }

  /** @param {Resource} one @param {string} group @returns {Row} */
  #row(one, group) {
    let known = this.#lanes.get(one.id);
    const items = this.#on.get(one.id) ?? [];
    if (!known) this.#lanes.set(one.id, (known = laned(items)));
    return { key: `${group}\n${one.id}`, kind: "resource", name: one.name, note: one.note, resource: one.id, group, items, ...known, top: 0, height: 0 };
  }

  /** @param {Row} row */
  #wanted(row) {
    if (!this.text && !this.state.length) return true;
    if (!this.state.length && row.name.toLowerCase().includes(this.text)) return true;
    return row.items.some((one) => this.matches(one));
  }

  /** Number of the row at a height. @param {number} y */
  rowAt(y) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle].top <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** @param {string} group @param {number} size @returns {Row} */
function heading(group, size) {
  return { key: `group\n${group}`, kind: "group", name: group, note: String(size), resource: "", group, items: [], lanes: new Map(), count: 1, top: 0, height: 0 };
}
