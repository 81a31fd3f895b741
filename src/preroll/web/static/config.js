// SPDX-License-Identifier: Apache-2.0
// The settings: what others change of them meanwhile is told, without touching what is being typed.

document.addEventListener("preroll:change", (event) => {
  const { kind } = /** @type {CustomEvent<{ kind: string }>} */ (event).detail;
  if (kind.startsWith("platform.")) document.dispatchEvent(new CustomEvent("preroll:config"));
});
