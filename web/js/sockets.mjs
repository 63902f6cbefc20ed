// @ts-check
/**
 * Sockets that come and go: a node shows those that mean something now, and always those that are
 * connected. What is taken away is remembered, with its name in the page's language.
 */

/** The sockets of nodes as they were made. @type {WeakMap<any, Map<string, any>>} */
const made = new WeakMap();

/** @param {any} node @param {string} name @returns {boolean} whether something is connected to an input */
export function isConnected(node, name) {
  const slot = node.inputs?.findIndex((/** @type {any} */ input) => input.name === name) ?? -1;
  return slot >= 0 && node.isInputConnected(slot);
}

/** Show these of a node's inputs. New ones come after the others, so ``names`` has the node's order.
 * @param {any} node @param {Record<string, boolean>} names whether each is wanted @returns {boolean} whether any changed */
export function showSockets(node, names) {
  if (!made.has(node)) made.set(node, new Map(node.inputs.map((/** @type {any} */ slot) => [slot.name, keep(slot)])));
  let changed = false;
  for (const [name, wanted] of Object.entries(names)) {
    const slot = node.inputs.findIndex((/** @type {any} */ input) => input.name === name);
    const known = made.get(node)?.get(name);
    if (slot >= 0 && !wanted && !node.isInputConnected(slot)) node.removeInput(slot);
    else if (slot < 0 && wanted && known) node.addInput(name, known.type, known.facts);
    else continue;
    changed = true;
  }
  return changed;
}

/** @param {any} slot */
function keep({ type, shape, localized_name, label, tooltip }) {
  const facts = Object.entries({ shape, localized_name, label, tooltip }).filter(([, value]) => value !== undefined);
  return { type, facts: Object.fromEntries(facts) };
}
