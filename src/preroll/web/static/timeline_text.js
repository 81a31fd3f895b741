// SPDX-License-Identifier: Apache-2.0
// How much of a name fits on a bar. A bar that clips its text would be a layer of its own to the browser, hundreds of
// them in each frame of a pan; so what does not fit is not written.

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
