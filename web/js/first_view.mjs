// @ts-check
/**
 * Front end 1.32's Vue renderer reads where nodes lie off the page. If the view is fitted to the graph only after
 * that, as it does with a graph that was saved without a view, nodes end up far apart and out of sight.
 * So the view is set beforehand.
 */

/** What the editor's bars cover of the window: left, top, right, bottom; CSS pixels. */
const BARS = [76, 136, 16, 16];
const MINIMAP = 250;
const TITLE = 30;
/** Nothing is read below this, so a small window or a large browser zoom shows where the graph begins. */
const SMALLEST = 0.45;
/** How much higher than saved this renderer draws nodes; its text in notes is larger. @param {string} type */
const growth = (type) => (type === "MarkdownNote" ? 2.1 : 1.1);

/** Give a template the view that shows all of it. Front ends write "Vue-corrected" into graphs whose positions
 * hold in both renderers; 1.32 neither writes it nor moves the nodes of a graph that has it.
 * @param {any} graph as saved @param {{width: number, height: number}} window */
export function fitFirstView(graph, { width, height }) {
  if (!graph?.nodes?.length || graph.extra?.ds || graph.extra?.workflowRendererVersion !== "Vue-corrected") return;
  const [barLeft, barTop, barRight, barBottom] = BARS;
  /** @type {any[]} */
  const nodes = graph.nodes;
  const left = Math.min(...nodes.map(({ pos }) => pos[0]));
  const right = Math.max(...nodes.map(({ pos, size }) => pos[0] + size[0]));
  const top = Math.min(...nodes.map(({ pos }) => pos[1] - TITLE));
  const bottom = Math.max(...nodes.map(({ type, pos, size }) => pos[1] + size[1] * growth(type)));
  const [across, down] = [width - barLeft - barRight, height - barTop - barBottom];
  const scale = Math.min(1, Math.max(SMALLEST, Math.min(across / (right - left), down / (bottom - top))));
  const beside = Math.max(0, across - (right - left) * scale);
  const below = Math.max(0, down - MINIMAP - (bottom - top) * scale);
  graph.extra.ds = { scale, offset: [(barLeft + beside / 2) / scale - left, (barTop + below / 2) / scale - top] };
}
