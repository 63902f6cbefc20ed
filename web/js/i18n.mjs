// @ts-check
/**
 * The pack's own words in the language of the page. The English text is the key: locales/LANGUAGE/main.json
 * has the others under "livestyle", and what it lacks stays English.
 */

/** @type {Record<string, string>} */
let words = {};

/** Choose the language; before anything is shown.
 * @param {Record<string, any>} locales as ComfyUI's /i18n gives them @param {string} language such as "fr" */
export function useLanguage(locales, language) {
  words = locales[language]?.livestyle ?? locales[language.split("-")[0]]?.livestyle ?? {};
}

/** @param {string} text in English, with {names} where ``values`` come in
 * @param {Record<string, string | number>} [values] @returns {string} */
export function t(text, values = {}) {
  return (words[text] ?? text).replace(/\{(\w+)\}/g, (gap, name) => String(values[name] ?? gap));
}

/** A line of the server's: as a whole, or its first word where the rest is a name ("Loading {name}").
 * @param {string} line @returns {string} */
export function tLine(line) {
  const [verb, ...rest] = line.split(" ");
  return rest.length && !(line in words) ? t(`${verb} {name}`, { name: rest.join(" ") }) : t(line);
}
