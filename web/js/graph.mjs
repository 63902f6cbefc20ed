// @ts-check
/**
 * ComfyUI names a node inside subgraphs by its path ("1:2:3"); the editor knows local ids only.
 */

/** The execution id of a node, from the root graph down to it.
 * @param {any} node @returns {string} */
export function executionId(node) {
  const root = node.graph?.rootGraph ?? node.graph;
  return [...(pathTo(root, node.graph) ?? []), node.id].join(":");
}

/** Ids of the nodes that hold the subgraphs between ``graph`` and ``wanted``; undefined where there is no way.
 * @param {any} graph @param {any} wanted @returns {(string | number)[] | undefined} */
function pathTo(graph, wanted) {
  if (graph === wanted) return [];
  for (const node of graph?.nodes ?? []) {
    const deeper = node.subgraph && pathTo(node.subgraph, wanted);
    if (deeper) return [node.id, ...deeper];
  }
  return undefined;
}
