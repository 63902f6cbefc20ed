// @ts-check
/**
 * The mark on a widget that acts while the stream runs: a ring; a diamond when a change is on its way, and
 * a check when a picture was made with it; a wave, and its value now, when it moves by itself. Shape and colour say the same.
 */

import { liveNames } from "./graph.mjs?v=0.3.0";
import { isOn } from "./modulation.mjs?v=0.3.0";

/** @typedef {"live" | "waiting" | "done" | "bad" | "moved"} Mark */

const SIGNS = { live: "\u25cb", waiting: "\u25c7", done: "\u2713", bad: "\u2715", moved: "\u223f" };
const COLOURS = { live: undefined, waiting: "#e0a030", done: "#5cb85c", bad: "#ff6b6b", moved: "#4d9fff" };

export class LiveMarks {
  constructor() {
    /** What a widget is called without its mark. @type {WeakMap<any, string>} */
    this.names = new WeakMap();
  }

  /** Mark a node's live widgets, which its definition names. @param {any} node */
  add(node) {
    for (const name of liveNames(node)) this.set(node, name, isOn(node, name) ? "moved" : "live");
  }

  /** @param {any} node @param {string} name of a widget @param {Mark} mark @param {number} [value] that it has by itself */
  set(node, name, mark, value) {
    const widget = node.widgets?.find((/** @type {any} */ each) => each.name === name);
    if (!widget) return;
    if (!this.names.has(widget)) this.names.set(widget, widget.label ?? widget.name);
    widget.label = `${this.names.get(widget)} ${SIGNS[mark]}${value === undefined ? "" : ` ${value.toFixed(2)}`}`;
    // The classic renderer's colour of labels; the other one has it in the receipt's line only.
    if (COLOURS[mark]) Object.defineProperty(widget, "secondary_text_color", { configurable: true, value: COLOURS[mark] });
    else delete widget.secondary_text_color;
    if (widget.element) widget.element.dataset.livestyle = mark; // text areas have no label in the classic renderer
    node.graph?.setDirtyCanvas?.(true, true);
  }
}
