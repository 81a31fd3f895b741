// SPDX-License-Identifier: Apache-2.0
// A page that is a list: it hears of changes, and of what time alone changes.
import { again, list } from "./list.js";

const AGAIN_MS = 30_000;
const often = Number(list.dataset.often);

document.addEventListener("preroll:change", () => again(often));
setInterval(() => document.hidden || again(often), AGAIN_MS);
