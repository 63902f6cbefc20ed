// @ts-check
/**
 * The pack's own words in the language of the page. The English text is the key: locales/LANGUAGE/main.json
 * has the others under "livestyle", and what it lacks stays English.
 */

const GAP = /\{(\w+)\}/g;

/** All our texts in the page's language, as ComfyUI's front end knows them. @type {Record<string, any>} */
let locale = {};

/** @type {Record<string, string>} */
let words = {};

/** The same in all languages: saved files have the titles and labels of theirs. @type {Record<string, any>} */
let all = {};

/** What the server says, as patterns of its English lines. @type {{pattern: RegExp, names: string[], text: string}[]} */
let lines = [];

/** Choose the language; before anything is shown.
 * @param {Record<string, any>} locales as ComfyUI's /i18n gives them @param {string} language such as "fr" */
export function useLanguage(locales, language) {
  locale = locales[language] ?? locales[language.split("-")[0]] ?? {};
  words = locale.livestyle ?? {};
  all = locales;
  lines = Object.entries(locale.livestyleLines ?? {}).map(([line, text]) => {
    const names = [...line.matchAll(GAP)].map(([, name]) => name);
    const [first, ...rest] = line.split(/\{\w+\}/).map((part) => part.replace(/[^\w\s]/g, "\\$&"));
    return { pattern: new RegExp(`^${[first, ...rest].join("([^]*?)")}$`), names, text };
  });
}

/** @param {string} text in English, with {names} where ``values`` come in
 * @param {Record<string, string | number>} [values] @returns {string} */
export function t(text, values = {}) {
  return fill(words[text] ?? text, values);
}

/** What the server says: sentences of livestyleLines, whose gaps are filled with what stood in the English ones.
 * What is in no table stays as it is. @param {string} said @returns {string} */
export function tLine(said) {
  return said
    .split(/(\n| (?<=\. )(?=[A-Z]))/)
    .map((part) => sentence(part))
    .join("");
}

/** @param {string} said @returns {string} */
function sentence(said) {
  if (Object.hasOwn(words, said)) return words[said];
  for (const { pattern, names, text } of lines) {
    const found = pattern.exec(said);
    if (found) return fill(text, Object.fromEntries(names.map((name, index) => [name, sentence(found[index + 1])])));
  }
  return labelOf(said);
}

/** What a live widget is called; the same on every node. @param {string} name its id @returns {string} */
export function labelOf(name) {
  return Object.values(locale.nodeDefs ?? {}).find(({ inputs }) => Object.hasOwn(inputs, name))?.inputs[name].name ?? name;
}

/** What an input of ours is called in any language; empty for other packs'. @param {string} type of node
 * @param {string} name @returns {string[]} */
export function labelsOf(type, name) {
  return Object.values(all).flatMap(({ nodeDefs }) => nodeDefs?.[type]?.inputs[name]?.name ?? []);
}

/** @param {string} text @param {Record<string, string | number>} values @returns {string} */
function fill(text, values) {
  return text.replace(GAP, (gap, name) => String(values[name] ?? gap));
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
  if (text && node.title === all.en?.nodeDefs?.[node.comfyClass]?.display_name) node.title = text;
}
