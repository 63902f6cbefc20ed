// @ts-check
/**
 * ComfyUI names a node inside subgraphs by its path ("1:2:3"); the editor knows local ids only, and
 * has one set of nodes for all instances of a subgraph.
 */

/** The execution id of a node, from the root graph down to it.
 * @param {any} node @param {any[]} [holders] of one instance; without them, of the first
 * @returns {string} */
export function executionId(node, holders = instancesOf(node)[0] ?? []) {
  return [...holders, node].map(({ id }) => id).join(":");
}

/** The instances of a node: for each, the nodes that hold the subgraphs around it, outermost first.
 * @param {any} node @returns {any[][]} */
export function instancesOf(node) {
  return pathsTo(node.graph?.rootGraph ?? node.graph, node.graph);
}

/** @param {any} graph @param {any} wanted @returns {any[][]} */
function pathsTo(graph, wanted) {
  if (graph === wanted) return [[]];
  return (graph?.nodes ?? []).flatMap((/** @type {any} */ node) =>
    node.subgraph ? pathsTo(node.subgraph, wanted).map((path) => [node, ...path]) : [],
  );
}

/** All nodes inside a subgraph's node, with their execution ids in this instance.
 * @param {any} holder @param {any[]} [around] the nodes that hold its graph, outermost first
 * @returns {{node: any, id: string}[]} */
export function nodesInside(holder, around = instancesOf(holder)[0] ?? []) {
  const holders = [...around, holder];
  return holder.subgraph.nodes.flatMap((/** @type {any} */ node) =>
    node.subgraph ? nodesInside(node, holders) : [{ node, id: executionId(node, holders) }],
  );
}

/** The widget that gives a widget's value in one instance: its own, or the one that it was promoted to
 * by a link from its subgraph's input; undefined where a connection gives the value.
 * As the front end's ExecutableNodeDTO.resolveInput finds it.
 * @param {any} node @param {any} widget @param {any[]} holders of the instance @returns {any} */
export function givingWidget(node, widget, holders) {
  let owner = node;
  let slot = node.inputs?.findIndex((/** @type {any} */ each) => each.widget?.name === widget.name) ?? -1;
  let input = node.inputs?.[slot];
  const around = [...holders];
  while (input && owner.isInputConnected(slot)) {
    const link = linkInto(owner, slot);
    const holder = around.pop();
    if (!link || !holder || link.origin_id !== owner.graph.inputNode?.id) return undefined;
    owner = holder;
    slot = link.origin_slot;
    input = holder.inputs?.[slot];
  }
  const promoted = owner.widgets?.find((/** @type {any} */ each) => each.name === input?.widget?.name);
  return owner === node ? widget : (promoted ?? widget);
}

/** Whether a node's definition calls a widget live. @param {any} node @param {string} name */
export function isLive(node, name) {
  const { required, optional } = node.constructor.nodeData?.input ?? {};
  return Boolean((required?.[name] ?? optional?.[name])?.[1]?.live);
}

/** The names of a node's live widgets. @param {any} node @returns {string[]} */
export function liveNames(node) {
  const names = (node.widgets ?? []).map((/** @type {any} */ { name }) => name);
  return names.filter((/** @type {string} */ name) => isLive(node, name));
}

/** @param {any} node @param {number} slot of a connected input @returns {any} */
function linkInto(node, slot) {
  // Of a subgraph, getInputLink means something else.
  return [...node.graph.links.values()].find(({ target_id, target_slot }) => target_id === node.id && target_slot === slot);
}
