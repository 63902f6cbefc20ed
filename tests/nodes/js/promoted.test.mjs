import assert from "node:assert/strict";
import { test } from "node:test";
import { executionId } from "../../../web/js/graph.mjs?v=0.3.0";
import { LiveWidgets } from "../../../web/js/live_widgets.mjs?v=0.3.0";

const INPUT = -10; // SUBGRAPH_INPUT_ID in the front end's constants.ts

/** A graph as the front end's: links by id, and, for a subgraph, the node that its inputs come from.
 * @param {any[]} nodes @param {[number, number, number][]} links id, origin_id, origin_slot */
function graph(nodes, links = [], isRoot = false) {
  const known = new Map(links.map(([id, origin_id, origin_slot]) => [id, { id, origin_id, origin_slot }]));
  const made = { nodes, links: new Map(), ...(isRoot ? {} : { inputNode: { id: INPUT } }) };
  for (const node of nodes) {
    node.graph = made;
    node.isInputConnected = (slot) => node.inputs[slot].link != null;
    node.inputs.forEach(({ link }, target_slot) => {
      if (link != null) made.links.set(link, { ...known.get(link), target_id: node.id, target_slot });
    });
  }
  return made;
}

/** @param {number} id @param {any} subgraph @param {string} name of its only input @param {unknown} value
 * @param {number | null} link of that input */
const holder = (id, subgraph, name, value, link = null) => ({
  id,
  subgraph,
  widgets: [{ name, value }],
  inputs: [{ name: "frames", link: null }, { name, widget: { name }, link }],
});

/** What is sent for a node of which these values are live. @param {any} node @param {any} root @param {object} values */
function watch(node, root, values) {
  for (const each of [root, ...allSubgraphs(root)]) each.rootGraph = root;
  const live = new Map(Object.entries(values));
  const sent = [];
  const send = (key, value) => {
    live.set(key, value);
    sent.push([key, value]);
  };
  const widgets = new LiveWidgets({ idOf: executionId, send, values: () => live });
  widgets.watch(node);
  return { widgets, sent };
}

const allSubgraphs = ({ nodes }) => nodes.flatMap(({ subgraph }) => (subgraph ? [subgraph, ...allSubgraphs(subgraph)] : []));

/** A node whose strength is linked to slot 1 of its subgraph's input, and whose seed is its own. */
const denoise = () => ({
  id: 5,
  widgets: [{ name: "strength", value: 1 }, { name: "seed", value: 0 }],
  inputs: [{ name: "strength", widget: { name: "strength" }, link: 21 }],
});

const LINK = [21, INPUT, 1];

test("a promoted widget is sent under the inner node's id", () => {
  const inner = denoise();
  const outer = holder(3, graph([inner], [LINK]), "style strength", 1);
  const { widgets, sent } = watch(inner, graph([outer], [], true), { "3:5.strength": 1 });
  widgets.compareAll();
  assert.deepEqual(sent, []);
  outer.widgets[0].value = 0.4;
  widgets.compareAll();
  widgets.compareAll();
  assert.deepEqual(sent, [["3:5.strength", 0.4]]);
  inner.widgets[0].value = 0.9; // the promoted one hides it
  inner.widgets[0].callback(0.9);
  assert.equal(sent.length, 1);
});

test("a promoted widget's change is sent at once: the front end copies the inner one with its callback", () => {
  const inner = denoise();
  const outer = holder(3, graph([inner], [LINK]), "strength", 1);
  const { sent } = watch(inner, graph([outer], [], true), { "3:5.strength": 1 });
  outer.widgets[0].callback = inner.widgets[0].callback;
  outer.widgets[0].value = 0.4;
  outer.widgets[0].callback(0.4);
  assert.deepEqual(sent, [["3:5.strength", 0.4]]);
});

test("each instance sends its promoted value, and all of them the one they share", () => {
  const inner = denoise();
  const subgraph = graph([inner], [LINK]);
  const root = graph([holder(3, subgraph, "strength", 0.3), holder(8, subgraph, "strength", 0.8)], [], true);
  const values = { "3:5.strength": 1, "8:5.strength": 1, "3:5.seed": 0, "8:5.seed": 0 };
  const { widgets, sent } = watch(inner, root, values);
  widgets.compareAll();
  assert.deepEqual(sent.splice(0), [["3:5.strength", 0.3], ["8:5.strength", 0.8]]);
  inner.widgets[1].value = 42;
  inner.widgets[1].callback(42);
  assert.deepEqual(sent, [["3:5.seed", 42], ["8:5.seed", 42]]);
});

test("a widget promoted through two subgraphs is the outermost one", () => {
  const inner = denoise();
  const middle = holder(7, graph([inner], [LINK]), "strength", 0.7, 31);
  const outer = holder(3, graph([middle], [[31, INPUT, 1]]), "look", 0.2);
  const { widgets, sent } = watch(inner, graph([outer], [], true), { "3:7:5.strength": 1 });
  widgets.compareAll();
  assert.deepEqual(sent, [["3:7:5.strength", 0.2]]);
});

test("what a connection gives is not sent, inside the subgraph or outside", () => {
  const among = denoise();
  const inside = holder(3, graph([among], [[21, 4, 1]]), "strength", 0.4);
  const first = watch(among, graph([inside], [], true), { "3:5.strength": 1 });
  first.widgets.compareAll();
  const inner = denoise();
  const outside = holder(3, graph([inner], [LINK]), "strength", 0.4, 9);
  const second = watch(inner, graph([outside], [[9, 2, 0]], true), { "3:5.strength": 1 });
  second.widgets.compareAll();
  assert.deepEqual([...first.sent, ...second.sent], []);
});

test("an input of the subgraph without a widget leaves the inner one its value", () => {
  const inner = denoise();
  const outer = { id: 3, subgraph: graph([inner], [LINK]), widgets: [], inputs: [{ name: "frames" }, { name: "strength", link: null }] };
  const { widgets, sent } = watch(inner, graph([outer], [], true), { "3:5.strength": 0.5 });
  widgets.compareAll();
  assert.deepEqual(sent, [["3:5.strength", 1]]);
});
