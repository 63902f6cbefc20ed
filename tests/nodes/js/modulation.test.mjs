import assert from "node:assert/strict";
import { test } from "node:test";
import { isOn, Modulation, Tap } from "../../../web/js/modulation.mjs?v=0.3.0";

function setUp() {
  const sent = [];
  const widget = { name: "strength", value: 0.6, options: { min: 0, max: 1 } };
  const seed = { name: "seed", value: 7, options: { min: 0, max: 2 ** 53 - 1 } };
  const node = { properties: {} };
  const keys = [["4.strength", widget], ["9:4.strength", widget], ["4.seed", seed]];
  const modulation = new Modulation({
    widgets: () => keys.map(([key, each]) => ({ key, node, widget: each })),
    send: (key, modulator) => sent.push([key, modulator]),
  });
  return { modulation, node, widget, seed, sent };
}

test("a modulator begins around the widget's value, is kept with the node, and is sent to every instance", () => {
  const { modulation, node, widget, seed, sent } = setUp();
  assert.equal(modulation.of(node, seed).depth, 1); // not a quarter of a seed's range
  modulation.change(node, widget, { depth: 0.3 });
  assert.deepEqual(sent, []); // it is off
  modulation.change(node, widget, { on: true });
  assert.deepEqual(sent.map(([key, { offset, depth, signal, on }]) => [key, offset, depth, signal, on]), [
    ["4.strength", 0.6, 0.3, "sine", undefined],
    ["9:4.strength", 0.6, 0.3, "sine", undefined],
  ]);
  modulation.change(node, widget, { on: false });
  assert.deepEqual(sent.at(-1), ["9:4.strength", null]);
  assert.equal(node.properties.livestyle_modulators.strength.depth, 0.3);
});

test("it goes along with a prompt beside the node's title, while it is on", () => {
  const { modulation, node, widget } = setUp();
  const request = () => ({ prompt: { 4: { _meta: { title: "Restyle" } }, 5: {} } });
  const untouched = request();
  modulation.sendAlong(untouched);
  assert.deepEqual(untouched, request());
  modulation.change(node, widget, { on: true });
  const queued = request();
  modulation.sendAlong(queued);
  const { title, livestyle_modulators } = queued.prompt[4]._meta;
  assert.equal(title, "Restyle");
  assert.deepEqual(Object.keys(livestyle_modulators.strength), ["signal", "offset", "depth", "rate", "unit", "tempo", "smoothing", "ear"]);
  assert.deepEqual(queued.prompt[5], {});
});

test("who sets the number has it; others' modulators are followed", () => {
  const { modulation, node, widget, sent } = setUp();
  const told = [];
  modulation.watchers.add((changed) => told.push(changed));
  modulation.change(node, widget, { on: true });
  modulation.taken("4.seed");
  assert.ok(isOn(node, "strength"));
  modulation.taken("4.strength");
  assert.ok(!isOn(node, "strength"));
  modulation.given("4.strength", { signal: "low", offset: 0, depth: 1 });
  assert.equal(modulation.of(node, widget).signal, "low");
  assert.ok(isOn(node, "strength") && told.every((each) => each === node) && told.length === 3);
  assert.equal(sent.length, 2); // what others did is not said again
});

test("a session that became ready gets what was changed before, and nothing that it knows", () => {
  const { modulation, node, widget, sent } = setUp();
  modulation.change(node, widget, { on: true });
  sent.length = 0;
  const [live, known] = [new Map([["4.strength", 1]]), modulation.of(node, widget)];
  modulation.meet(live, { "4.strength": { ...known, on: undefined } });
  assert.deepEqual(sent, []);
  modulation.meet(live, { "4.strength": { ...known, rate: 9 } });
  modulation.change(node, widget, { on: false });
  sent.length = 0;
  modulation.meet(live, { "4.strength": known });
  assert.deepEqual(sent, [["4.strength", null]]);
});

test("taps tell the tempo, and a pause begins anew", () => {
  const tap = new Tap();
  assert.equal(tap.tap(0), undefined);
  assert.equal(tap.tap(500), 120);
  assert.equal(tap.tap(1020), 117.6);
  assert.equal(tap.tap(9000), undefined);
  assert.equal(tap.tap(9600), 100);
});
