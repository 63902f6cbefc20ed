// @ts-check
/**
 * Newer front ends call what a subgraph's node shows by its id ("strength"); here it gets the words that it has inside.
 * 1.32 shows those by itself.
 */
import { isLive } from "./graph.mjs?v=0.3.0";
import { labelOf, labelsOf } from "./i18n.mjs?v=0.3.0";

const RING = "\u25cb"; // as live_marks.mjs

/** @param {any} holder of a subgraph */
export function labelPromoted({ subgraph }) {
  /** @type {{input: any, node: any, name: string}[]} */
  const promoted = subgraph.inputs.flatMap((/** @type {any} */ input) => {
    const link = subgraph.getLink(input.linkIds[0]);
    const node = link && subgraph.getNodeById(link.target_id);
    const name = node?.inputs[link.target_slot]?.widget?.name;
    return name ? [{ input, node, name }] : [];
  });
  for (const { input, node, name } of promoted) {
    const named = input.label && !labelsOf(node.comfyClass, name).includes(input.label.split(` ${RING}`)[0]);
    if (named || !labelsOf(node.comfyClass, name).length) continue;
    // Of several instructions, which one counts.
    const alike = promoted.filter((other) => other.name === name).length > 1;
    const label = `${alike ? node.title : labelOf(name)}${!alike && isLive(node, name) ? ` ${RING}` : ""}`;
    if (input.label !== label) subgraph.renameInput(input, label);
  }
}
