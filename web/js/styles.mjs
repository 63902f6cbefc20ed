// @ts-check
/** KVCacheStyleSwitch grows: it shows its styles in use, and the next one. */
import { isConnected, showSockets } from "./sockets.mjs?v=0.3.0";

export const STYLES = ["style", ...[2, 3, 4, 5, 6, 7, 8].map((number) => `style_${number}`)];

/** @param {any} node @returns {boolean} whether any came or went */
export function applyStyles(node) {
  const last = STYLES.findLastIndex((name) => isConnected(node, name));
  return showSockets(node, Object.fromEntries(STYLES.map((name, place) => [name, place <= Math.max(last + 1, 0)])));
}
