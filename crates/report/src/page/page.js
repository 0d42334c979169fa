// What moves on the page: a filter by origin, explanations of what is pointed at, light and dark.
(() => {
  "use strict";
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const root = document.documentElement;

  // Light and dark: as the system has it, until someone chooses.
  const theme = document.getElementById("theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => { try { return localStorage.getItem("badgateway-theme"); } catch { return null; } };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const tell = () => theme.setAttribute("aria-pressed", String(isDark()));
  const chosen = remembered();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  theme.hidden = false;
  tell();
  dark.addEventListener("change", tell);
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("badgateway-theme", root.dataset.theme); } catch { /* Not kept then. */ }
    tell();
  });

  // The filter: a set of kinds of failures. Everything that has `data-kinds` shows whether it is of them.
  const bar = document.getElementById("filter");
  const name = document.getElementById("filter-name");
  const kindsOf = (text) => (text || "").split(" ").filter(Boolean);
  let picked = "";
  const filter = (kinds, label) => {
    picked = kinds;
    const wanted = new Set(kindsOf(kinds));
    const isWanted = (element) => kindsOf(element.dataset.kinds).some((kind) => wanted.has(kind));
    for (const element of all("[data-kinds]")) {
      if (element.classList.contains("only")) element.hidden = !isWanted(element);
      else element.classList.toggle("off", wanted.size > 0 && !isWanted(element));
    }
    for (const element of all("details.example")) {
      element.hidden = wanted.size > 0 && !isWanted(element);
    }
    for (const section of all("section.examples")) {
      const some = section.querySelector("details.example:not([hidden])");
      section.querySelector(".no-example").hidden = Boolean(some) || wanted.size === 0;
    }
    for (const element of all("[data-pick][aria-pressed]")) {
      element.setAttribute("aria-pressed", String(wanted.size > 0 && element.dataset.pick === kinds));
    }
    for (const place of all("g[data-pick]")) {
      place.classList.toggle("chosen", kindsOf(place.dataset.pick).some((kind) => wanted.has(kind)));
    }
    root.classList.toggle("filtered", wanted.size > 0);
    bar.hidden = wanted.size === 0;
    name.textContent = label;
    reach();
  };
  const pick = (element) => {
    if (picked === element.dataset.pick) filter("", "");
    else filter(element.dataset.pick, element.dataset.name);
  };
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-pick]");
    if (target) pick(target);
    else if (event.target.id === "clear") filter("", "");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { hide(); if (picked) filter("", ""); }
    const isButton = event.target.matches && event.target.matches("g[data-pick]");
    if (isButton && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); pick(event.target); }
  });

  // Explanations, beside the pointer or below what has the focus.
  const tip = document.getElementById("tip");
  let marked = [];
  const hide = () => { tip.hidden = true; for (const bin of marked) bin.classList.remove("on"); marked = []; };
  const show = (element, x, y) => {
    hide();
    tip.textContent = element.dataset.tip;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(x + 14, window.innerWidth - box.width - 8))}px`;
    tip.style.top = `${y + 18 + box.height > window.innerHeight ? y - box.height - 12 : y + 18}px`;
    // The same time in all charts of a section.
    if (element.dataset.bin) {
      marked = Array.from(element.closest("section").querySelectorAll(`[data-bin="${element.dataset.bin}"]`));
      for (const bin of marked) bin.classList.add("on");
    }
  };
  document.addEventListener("pointermove", (event) => {
    const target = event.target.closest && event.target.closest("[data-tip]");
    if (target) show(target, event.clientX, event.clientY);
    else hide();
  });
  document.addEventListener("pointerleave", hide);
  document.addEventListener("focusin", (event) => {
    const target = event.target.closest("[data-tip]");
    if (!target) { hide(); return; }
    const box = target.getBoundingClientRect();
    show(target, box.left, box.bottom);
  });
  document.addEventListener("scroll", hide, { passive: true });

  // What is wider than its place can be scrolled by keyboard too.
  const reach = () => {
    for (const element of all(".wide")) {
      if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
      else element.removeAttribute("tabindex");
    }
  };
  reach();
  window.addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
})();
