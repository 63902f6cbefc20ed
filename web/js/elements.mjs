// @ts-check
/** Short ways to make elements. */

/** @param {string} tag @param {string} className @returns {HTMLElement} */
export function element(tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

/** @param {string} className @param {string} text @param {string} title @param {() => void} onClick
 * @returns {HTMLButtonElement} */
export function button(className, text, title, onClick) {
  const made = /** @type {HTMLButtonElement} */ (element("button", `livestyle-button ${className}`));
  Object.assign(made, { type: "button", textContent: text, title });
  made.addEventListener("click", onClick);
  return made;
}
