// SPDX-License-Identifier: Apache-2.0
// What the page knows that its scripts will ask for is on its way, and read, while they still come: so what is drawn
// first has it already.

/** @typedef {{ answer: Response, told: () => any }} Answered told: what it says, or the promise of it */

const links = /** @type {NodeListOf<HTMLLinkElement>} */ (document.querySelectorAll('link[rel="preload"][as="fetch"]'));

/** By address. @type {Map<string, Promise<Answered>>} */
const coming = new Map([...links].map(({ href }) => [href, early(href)]));
for (const one of coming.values()) one.catch(() => {}); // whoever takes it hears of it

/** @param {string} address @returns {Promise<Answered>} */
async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok || answer.redirected) throw new Error(`${address} answered ${answer.status}`);
  return { answer, told: () => answer.json() };
}

/** @param {string} address @returns {Promise<Answered>} */
async function early(address) {
  const { answer, told } = await fetched(address);
  const read = await told();
  return { answer, told: () => read };
}

/** Ask for something, or take what was asked for early: once. @param {string} path with its query */
export function ask(path) {
  const address = new URL(path, location.href).href;
  const known = coming.get(address);
  coming.delete(address);
  return known ?? fetched(address);
}
