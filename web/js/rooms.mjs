// @ts-check
/** The classic renderer leaves room for widgets that it doesn't draw; here they give it up, and get it back. */

/** Whether this is an editor as 0.3.75 has it: its Vue renderer shows advanced widgets, and what changes
 * after a node was loaded it doesn't see. */
// @ts-ignore the editor's own
export const OLD_EDITOR = Number(globalThis.__COMFYUI_FRONTEND_VERSION__?.split(".")[1] ?? 99) < 38;

/** Nothing, less the gap of 4 pixels that is added to each widget. @type {Record<string, any>} */
const NO_ROOM = { computeSize: () => [0, -4], computeLayoutSize: undefined, computedHeight: 0 };

/** What a widget without room had of its own in these places; most have it from their class.
 * @type {WeakMap<any, PropertyDescriptorMap>} */
const measures = new WeakMap();

/** Give a widget the room that it needs now.
 * @param {any} widget @param {boolean} showsAdvanced whether its node shows advanced widgets
 * @returns {boolean} whether that changed */
export function fit(widget, showsAdvanced) {
  const gone = Boolean(widget.hidden || (widget.advanced && !showsAdvanced));
  if (widget.advanced && OLD_EDITOR) widget.options.hidden = gone;
  if (gone === measures.has(widget)) return false;
  if (gone) {
    const all = Object.getOwnPropertyDescriptors(widget);
    measures.set(widget, Object.fromEntries(Object.entries(all).filter(([name]) => name in NO_ROOM)));
    Object.assign(widget, NO_ROOM);
  } else {
    for (const name of Object.keys(NO_ROOM)) delete widget[name];
    Object.defineProperties(widget, measures.get(widget) ?? {});
    measures.delete(widget);
  }
  return true;
}

/** Hide a node's advanced widgets until they are asked for; the Vue renderer does so by itself.
 * @param {any} node */
export function hideAdvanced(node) {
  for (const widget of node.widgets ?? []) {
    // The classic renderer asks the widget, the Vue one its options.
    if (widget.options?.advanced) widget.advanced = true;
    fit(widget, Boolean(node.showAdvanced));
  }
  const configured = node.onConfigure;
  node.onConfigure = function (/** @type {any[]} */ ...saved) {
    for (const widget of node.widgets ?? []) fit(widget, Boolean(node.showAdvanced));
    return configured?.apply(this, saved);
  };
  const toggle = node.toggleAdvanced;
  node.toggleAdvanced = function () {
    for (const widget of node.widgets ?? []) fit(widget, !node.showAdvanced);
    return toggle?.apply(this);
  };
  node.setSize?.([node.size[0], node.computeSize()[1]]);
}
