// SPDX-License-Identifier: Apache-2.0
// One stream a page: what happens becomes an event `preroll:change` on the document, with {kind, id, revision, state};
// before it, how the bookings that it is about stand now, as `preroll:blocks`.
import { announce, meta, remembered } from "./app.js";

const SILENT_MS = 40_000; // the server says something every 15 s
const AGAIN_MS = 1_000;

let position = meta("position");
/** @type {EventSource | undefined} */
let source;
let heard = Date.now();
let again = 0;

const clock = () =>
  new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: meta("zone") || "UTC" }).format(new Date());

/** @param {"connecting" | "on" | "lost"} state */
function lamp(state) {
  const shown = document.getElementById("lamp");
  const text = shown?.querySelector(".lamp-text");
  if (!shown || !text || shown.dataset.state === state) return;
  shown.dataset.state = state;
  text.textContent = { connecting: "Connecting", on: "Live", lost: `Lost since ${clock()}` }[state];
}

/** @param {MessageEvent} event */
function hear(event) {
  heard = Date.now();
  if (event.lastEventId) position = event.lastEventId;
  lamp("on");
}

/** @param {string} name @param {unknown} detail */
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

function listen() {
  source?.close();
  heard = Date.now();
  const asked = new URLSearchParams({ platform: meta("platform"), after: position });
  source = new EventSource(`/live?${asked}`);
  for (const name of ["begin", "beat"]) source.addEventListener(name, hear);
  source.addEventListener("resync", (event) => {
    hear(event);
    tell("preroll:resync", {});
  });
  source.addEventListener("blocks", (event) => tell("preroll:blocks", JSON.parse(event.data)));
  source.addEventListener("change", (event) => {
    hear(event);
    const change = JSON.parse(event.data);
    tell("preroll:change", change);
    if (change.failed) fail(change);
  });
  source.onerror = () => {
    lamp("lost");
    if (source?.readyState === EventSource.CLOSED) comeBack();
  };
}

/** The stream was refused: by a proxy without a server behind it, or because one is not signed in any more. */
function comeBack() {
  clearTimeout(again);
  again = setTimeout(async () => {
    try {
      const answer = await fetch("/live/allowed", { redirect: "manual" });
      if (answer.type === "opaqueredirect") return location.reload();
      if (answer.ok) return listen();
    } catch {
      // nobody answers yet
    }
    comeBack();
  }, AGAIN_MS);
}

/** @param {{kind: string, state: string}} change */
function fail(change) {
  const [noun, what] = change.kind.split(".");
  const subject = what === "service_state" ? `The service of a ${noun}` : `${noun === "order" ? "An" : "A"} ${noun}`;
  announce(`${subject} is now ${change.state}`);
  if (remembered("sound") === "on") sound();
}

/** Two falling tones. */
function sound() {
  const audio = new AudioContext();
  [880, 587].forEach((pitch, i) => {
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const volume = new GainNode(audio, { gain: 0.15 });
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + i * 0.22);
    tone.stop(audio.currentTime + i * 0.22 + 0.18);
    if (i === 1) tone.onended = () => audio.close();
  });
}

setInterval(() => {
  if (Date.now() - heard < SILENT_MS || source?.readyState === EventSource.CLOSED) return;
  lamp("lost");
  listen();
}, 5_000);

addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => {
  if (event.persisted) listen();
});
document.addEventListener("preroll:setting", (event) => {
  const { set, value } = /** @type {CustomEvent} */ (event).detail;
  if (set === "sound" && value === "on") sound();
});
document.addEventListener("preroll:resync", () => location.reload());
// All who are told have to be there first.
if (meta("platform")) addEventListener("load", listen, { once: true });
