// @ts-check
/**
 * The pack's own words in the language of the page. The English text is the key: locales/LANGUAGE/main.json
 * has the others under "livestyle", and what it lacks stays English.
 */

/** All our texts in the page's language, as ComfyUI's front end knows them. @type {Record<string, any>} */
let locale = {};

/** @type {Record<string, string>} */
let words = {};

/** Our nodes' English texts by type: files that were saved with their titles still have them. @type {Record<string, any>} */
let english = {};

/** Choose the language; before anything is shown.
 * @param {Record<string, any>} locales as ComfyUI's /i18n gives them @param {string} language such as "fr" */
export function useLanguage(locales, language) {
  locale = locales[language] ?? locales[language.split("-")[0]] ?? {};
  words = locale.livestyle ?? {};
  english = locales.en?.nodeDefs ?? {};
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

/** The same settings or commands with their texts in the page's language.
 * @template {{id: string}} Entry @param {"settings" | "commands"} kind @param {Entry[]} entries @returns {Entry[]} */
export function translated(kind, entries) {
  return entries.map((entry) => {
    const { options, ...texts } = locale[kind]?.[entry.id.replaceAll(".", "_")] ?? {};
    return { ...entry, ...texts };
  });
}

/** Front end 1.32, which ComfyUI 0.3.75 pins, forgets a pack's nodes in every language but English.
 * @param {any} definition of a node, as the server gives it */
export function translateDefinition(definition) {
  const texts = locale.nodeDefs?.[definition.name];
  if (!texts) return;
  definition.display_name = texts.display_name;
  definition.description = texts.description;
  for (const [name, spec] of Object.values(definition.input ?? {}).flatMap(Object.entries)) {
    const text = texts.inputs[name];
    if (text && spec[1]) Object.assign(spec[1], { display_name: text.name, tooltip: text.tooltip });
  }
}

/** The labels of a node's sockets, widgets and the values of its lists; before anybody has renamed one.
 * @param {any} node */
export function translateNode(node) {
  const texts = locale.nodeDefs?.[node.comfyClass];
  if (!texts) return;
  for (const widget of node.widgets ?? []) {
    widget.label = texts.inputs[widget.name]?.name ?? widget.label;
    // Files are called what they are called.
    if (widget.options?.values?.some?.((/** @type {any} */ value) => value in words)) widget.options.getOptionLabel = optionLabel;
  }
  for (const input of node.inputs ?? []) input.localized_name = texts.inputs[input.name]?.name ?? input.localized_name;
  for (const [index, output] of (node.outputs ?? []).entries()) {
    output.localized_name = texts.outputs[index]?.name ?? output.localized_name;
  }
}

/** @param {any} value of a list @returns {string} */
function optionLabel(value) {
  return t(String(value ?? ""));
}

/** The title of a node that was loaded with its English one. @param {any} node */
export function translateTitle(node) {
  const text = locale.nodeDefs?.[node.comfyClass]?.display_name;
  if (text && node.title === english[node.comfyClass]?.display_name) node.title = text;
}
