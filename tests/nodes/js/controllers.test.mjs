import assert from "node:assert/strict";
import { test } from "node:test";
import { Controllers } from "../../../web/js/controllers.mjs?v=0.3.0";
import { Gamepads } from "../../../web/js/gamepad.mjs?v=0.3.0";
import { listenToMidi, MidiParser } from "../../../web/js/midi.mjs?v=0.3.0";

const parse = (bytes, bound = () => false) => new MidiParser(bound).parse(new Uint8Array(bytes));

test("MIDI messages are gestures; a key that is let go is none", () => {
  assert.deepEqual(parse([0xb0, 7, 127]), { id: "cc/1/7", value: 1 });
  assert.deepEqual(parse([0x99, 36, 100]), { id: "note/10/36" });
  assert.deepEqual(parse([0xc0, 2]), { id: "program/1", preset: 2 });
  for (const bytes of [[0x90, 36, 0], [0x80, 36, 64], [0xf8], [0xe0, 0, 64], []]) assert.equal(parse(bytes), undefined);
});

test("a control of 14 bits is one control, unless its low half was learned", () => {
  const parser = new MidiParser((id) => id === "cc/2/39");
  assert.deepEqual(parser.parse([0xb0, 39, 5]), { id: "cc/1/39", value: 5 / 127 }); // no high half yet
  parser.parse([0xb0, 7, 64]);
  assert.deepEqual(parser.parse([0xb0, 39, 5]), { id: "cc/1/7", value: (64 * 128 + 5) / 16383 });
  parser.parse([0xb1, 7, 64]);
  assert.deepEqual(parser.parse([0xb1, 39, 127]), { id: "cc/2/39", value: 1 });
});

test("all inputs are heard, also later ones; a browser without MIDI says so", async () => {
  const heard = [];
  const [first, second] = [{}, {}];
  const access = { inputs: new Map([["a", first]]) };
  assert.ok(await listenToMidi({ requestMIDIAccess: async () => access }, (bytes) => heard.push(bytes)));
  access.inputs.set("b", second);
  access.onstatechange();
  first.onmidimessage({ data: 1 });
  second.onmidimessage({ data: 2 });
  assert.deepEqual(heard, [1, 2]);
  assert.equal(await listenToMidi({}, () => {}), false);
  assert.equal(await listenToMidi({ requestMIDIAccess: () => Promise.reject(new Error("no")) }, () => {}), false);
});

function setUp() {
  const done = [];
  const widget = { name: "strength", value: 0.5, options: { min: -1, max: 1 } };
  const seed = { name: "seed", value: 0, options: { min: 0, max: 10, precision: 0 } };
  const node = { properties: {} };
  const graph = { extra: { ds: 1 } };
  const move = (each) => (value) => (each.value = value);
  const controllers = new Controllers({
    targets: () => [widget, seed].map((each) => ({ node, widget: each, move: move(each) })),
    graph: () => graph,
    actions: { record: () => done.push("record") },
    recall: (index) => done.push(`preset ${index}`),
    say: (text) => done.push(text),
  });
  return { controllers, done, graph, node, seed, widget };
}

test("a learned control moves its widget over its range, once it has come to where the widget stands", (context) => {
  context.mock.timers.enable();
  const { controllers, node, widget, seed } = setUp();
  controllers.learn(node, "strength");
  controllers.hear({ id: "cc/1/7", value: 0.1 });
  assert.deepEqual(node.properties.livestyle_controls, { strength: "cc/1/7" });
  controllers.hear({ id: "cc/1/7", value: 0.2 });
  assert.equal(widget.value, 0.5); // stands at 0.75 of its range
  controllers.hear({ id: "cc/1/7", value: 0.8 }); // passed it
  assert.equal(widget.value, 0.6);
  controllers.hear({ id: "cc/1/7", value: 0.25 });
  assert.equal(widget.value, -0.5);
  widget.value = 1; // a preset
  controllers.hear({ id: "cc/1/7", value: 0.3 });
  assert.equal(widget.value, 1);
  controllers.hear({ id: "cc/1/7", value: 0.99 });
  assert.equal(widget.value, 0.98); // near enough
  assert.equal(seed.value, 0);
  node.properties.livestyle_controls.seed = "pad/1/axis1";
  controllers.hear({ id: "pad/1/axis1", value: 0 });
  controllers.hear({ id: "pad/1/axis1", value: 0.44 });
  assert.equal(seed.value, 4);
});

test("keys fire what they were taught; a program change plays a preset", (context) => {
  context.mock.timers.enable();
  const { controllers, done, graph } = setUp();
  controllers.learnTrigger("record", "Record");
  controllers.hear({ id: "program/1", preset: 3 }); // is not learned
  controllers.hear({ id: "note/10/36" });
  controllers.learnTrigger("preset 1", "Dusk");
  controllers.hear({ id: "pad/1/button2" });
  assert.deepEqual(graph.extra, { ds: 1, livestyle_triggers: { "note/10/36": "record", "pad/1/button2": "preset 1" } });
  done.length = 0;
  for (const id of ["note/10/36", "pad/1/button2", "note/1/1"]) controllers.hear({ id });
  controllers.hear({ id: "program/1", preset: 0 });
  assert.deepEqual(done, ["record", "preset 1", "preset 0"]);
  assert.ok(controllers.isBound("note/10/36") && !controllers.isBound("note/1/1"));
});

test("learning ends by itself", (context) => {
  context.mock.timers.enable();
  const { controllers, done, graph } = setUp();
  controllers.learnTrigger("record", "Record");
  context.mock.timers.tick(30_000);
  assert.equal(done.at(-1), "No control was moved.");
  controllers.hear({ id: "note/10/36" });
  assert.deepEqual(graph.extra, { ds: 1 });
});

test("a gamepad tells of what moved and what was pressed, not of where it stands", () => {
  const heard = [];
  const pad = { index: 0, axes: [0.5], buttons: [{ pressed: false }, { pressed: true }] };
  const pads = new Gamepads({ getGamepads: () => [null, pad], onGesture: (gesture) => heard.push(gesture) });
  pads.poll();
  pad.axes[0] = 0.51; // trembles
  pads.poll();
  assert.deepEqual(heard, []);
  Object.assign(pad, { axes: [1], buttons: [{ pressed: true }, { pressed: false }] });
  pads.poll();
  assert.deepEqual(heard, [{ id: "pad/1/axis1", value: 1 }, { id: "pad/1/button1" }]);
});
