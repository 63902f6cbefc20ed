// @ts-check
/**
 * A node's help as a page of its own, for no front end lets a pack open its help panel. It reads the same file
 * as that panel, and of Markdown what those files use: headings, paragraphs, tables, pictures, links, bold, code.
 */
const INLINE = /!\[([^\]]*)\]\(([^)]+)\)|\[([^\]]+)\]\(([^)]+)\)|\*\*([^*]+)\*\*|`([^`]+)`/g;

/** @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {(Node | string)[]} content @param {Partial<HTMLElementTagNameMap[Tag]>} [facts] */
function element(tag, content, facts = {}) {
  const made = Object.assign(document.createElement(tag), facts);
  made.append(...content);
  return made;
}

/** @param {string} text @param {URL} file @returns {(Node | string)[]} */
function inline(text, file) {
  const parts = [];
  let end = 0;
  for (const { 0: found, index, ...groups } of text.matchAll(INLINE)) {
    parts.push(text.slice(end, index), span(Object.values(groups), file));
    end = index + found.length;
  }
  return [...parts, text.slice(end)];
}

/** @param {any[]} groups of INLINE @param {URL} file @returns {Node} */
function span([alt, picture, label, target, bold, code], file) {
  if (picture) return element("img", [], { alt, src: new URL(picture, file).href });
  if (target) return element("a", [label], { href: new URL(target, file).href, rel: "noopener" });
  return bold ? element("strong", [bold]) : element("code", [code]);
}

/** @param {string} block lines without an empty one @param {URL} file @returns {Node} */
function render(block, file) {
  const heading = block.match(/^(#+) (.*)/);
  if (heading) return element(heading[1].length === 1 ? "h1" : "h2", inline(heading[2], file));
  if (!block.startsWith("|")) return element("p", inline(block.replaceAll("\n", " "), file));
  const rows = block.split("\n").map((line) => line.slice(1, -1).split("|"));
  const [head, , ...body] = rows;
  const row = (/** @type {string[]} */ cells, /** @type {"td" | "th"} */ tag) =>
    element("tr", cells.map((cell) => element(tag, inline(cell.trim(), file))));
  return element("table", [row(head, "th"), ...body.map((cells) => row(cells, "td"))]);
}

const node = new URLSearchParams(location.search).get("node")?.match(/^\w+$/)?.[0];
const file = new URL(`../docs/${node}.md`, import.meta.url);
const answer = await fetch(file);
const text = answer.ok ? await answer.text() : "# There is no such page";
document.querySelector("main")?.append(...text.trim().split(/\n\n+/).map((block) => render(block, file)));
document.title = `${document.querySelector("h1")?.textContent} - LiveStyle`;
