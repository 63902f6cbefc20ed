// @ts-check
/** Short ways to make elements. */
import { t } from "./i18n.mjs?v=0.3.0";

/** @param {string} tag @param {string} className @returns {HTMLElement} */
export function element(tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

/** A button with a text and a title in the page's language; both are given in English.
 * @param {string} className @param {string} text @param {string} title @param {() => void} onClick
 * @returns {HTMLButtonElement} */
export function button(className, text, title, onClick) {
  const made = /** @type {HTMLButtonElement} */ (element("button", `livestyle-button ${className}`));
  Object.assign(made, { type: "button", textContent: t(text), title: t(title) });
  made.addEventListener("click", onClick);
  return made;
}

/** A control with its name before it. @param {string} text in English @param {HTMLElement} control */
export function labelled(text, control) {
  const made = element("label", "livestyle-label");
  made.append(t(text), control);
  return made;
}
