// SPDX-License-Identifier: Apache-2.0
// The station's clock: offsets of its zone, what an instant is called in it, and the ticks of an axis.
// Instants are seconds since 1970. An hour that a clock change skips has no tick, one that comes twice has two.

export const MINUTE = 60;
export const HOUR = 3600;
export const DAY = 86_400;
const STEPS = [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** @param {number} number */
const two = (number) => String(number).padStart(2, "0");

/** @typedef {{ at: number, text: string, kind: "" | "day" | "change" }} Tick */

export class Zone {
  /** @type {Map<number, number>} */
  #offsets = new Map();
  /** @type {Map<number, number>} */
  #changes = new Map();

  /** @type {Intl.DateTimeFormat | undefined} the first that a browser makes takes it long, so not before it is needed */
  #shape;

  /**
   * @param {string} name such as Europe/Brussels
   * @param {{ from: number, to: number, offset: number } | null} steady when its clocks do not change, as the server knows
   */
  constructor(name, steady = null) {
    this.name = name;
    this.steady = steady;
  }

  /** Seconds that its clocks are ahead of UTC. @param {number} at */
  offset(at) {
    const day = Math.floor(at / DAY);
    const [before, after] = [this.#known(day * DAY), this.#known((day + 1) * DAY)];
    return before === after || at < this.#change(day) ? before : after;
  }

  /** @param {number} at */
  #known(at) {
    if (this.steady && at >= this.steady.from && at <= this.steady.to) return this.steady.offset;
    let known = this.#offsets.get(at);
    if (known === undefined) this.#offsets.set(at, (known = this.#asked(at)));
    return known;
  }

  /** @param {number} at */
  #asked(at) {
    this.#shape ??= new Intl.DateTimeFormat("en-US", {
      timeZone: this.name, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric",
      minute: "numeric", second: "numeric", era: "short",
    });
    const said = Object.fromEntries(this.#shape.formatToParts(at * 1000).map(({ type, value }) => [type, value]));
    const year = said.era === "AD" ? +said.year : 1 - +said.year;
    return Date.UTC(year, +said.month - 1, +said.day, +said.hour, +said.minute, +said.second) / 1000 - at;
  }

  /** When its clocks change within a day. @param {number} day */
  #change(day) {
    let known = this.#changes.get(day);
    if (known === undefined) {
      let [low, high] = [day * DAY, (day + 1) * DAY];
      const first = this.#known(low);
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (this.#asked(middle) === first) low = middle;
        else high = middle;
      }
      this.#changes.set(day, (known = high));
    }
    return known;
  }

  /** A window in parts within which its clocks do not change: [from, to, offset]. @param {number} from @param {number} to */
  *parts(from, to) {
    for (let at = from; at < to; ) {
      const offset = this.offset(at);
      let end = at;
      while (end < to && this.offset(end) === offset) end = (Math.floor(end / DAY) + 1) * DAY;
      const day = Math.floor((end - 1) / DAY);
      if (this.#known(day * DAY) !== this.#known((day + 1) * DAY)) end = Math.max(this.#change(day), at + 1);
      yield /** @type {const} */ ([at, Math.min(end, to), offset]);
      at = end;
    }
  }

  /** An instant as a date whose UTC fields are the local ones. @param {number} at */
  #local(at) {
    return new Date((at + this.offset(at)) * 1000);
  }

  /** @param {number} at */
  clock(at) {
    const local = this.#local(at);
    const seconds = local.getUTCSeconds();
    return `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}${seconds ? `:${two(seconds)}` : ""}`;
  }

  /** @param {number} at */
  day(at) {
    const local = this.#local(at);
    return `${DAYS[local.getUTCDay()]} ${two(local.getUTCDate())} ${MONTHS[local.getUTCMonth()]}`;
  }

  /** As the templates tell it; null: never. @param {number | null} at */
  moment(at) {
    if (at === null) return "without end";
    const local = this.#local(at);
    return `${this.day(at)} ${local.getUTCFullYear()} ${local.toISOString().slice(11, 19)}`;
  }

  /** From when to when, short. @param {number} from @param {number | null} to */
  range(from, to) {
    if (to === null) return `${this.day(from)} ${this.clock(from)} – without end`;
    const days = this.day(from) === this.day(to) ? "" : `${this.day(to)} `;
    return `${this.day(from)} ${this.clock(from)} – ${days}${this.clock(to)}`;
  }

  /** The nearest instant whose local time is a multiple. @param {number} at @param {number} step */
  snap(at, step) {
    const offset = this.offset(at);
    return Math.round((at + offset) / step) * step - offset;
  }

  /** What an axis says. @param {number} from @param {number} to @param {number} apart seconds that a label needs @returns {Tick[]} */
  ticks(from, to, apart) {
    const step = STEPS.find((one) => one >= apart) ?? 14 * DAY;
    /** @type {Tick[]} */
    const found = [];
    let before = this.offset(from);
    for (const [begin, end, offset] of this.parts(from, to)) {
      if (offset !== before) found.push({ at: begin, text: `clocks ${offset > before ? "forward" : "back"}`, kind: "change" });
      before = offset;
      for (let local = Math.ceil((begin + offset) / step) * step; local - offset < end; local += step) {
        const at = local - offset;
        const midnight = local % DAY === 0;
        found.push({ at, text: midnight ? this.day(at) : this.clock(at), kind: midnight ? "day" : "" });
      }
    }
    return found;
  }
}
