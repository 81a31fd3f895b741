// SPDX-License-Identifier: Apache-2.0
// Before anything is drawn: the theme and the density that this browser remembers.
for (const name of ["theme", "density"]) {
  const value = localStorage.getItem(`preroll.${name}`);
  if (value) document.documentElement.dataset[name] = value;
}
// Before anything else is here: the first date that a browser formats takes it long, and nothing else is done meanwhile.
new Intl.DateTimeFormat("en", { timeStyle: "medium" });
