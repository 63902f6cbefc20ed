import assert from "node:assert/strict";
import { test } from "node:test";
import { Osc, oscMenu } from "../../../web/js/osc.mjs?v=0.3.0";
import { PresetBank } from "../../../web/js/presets.mjs?v=0.3.0";

function setUp(check = async (bank) => bank) {
  const graph = { extra: { ds: { scale: 1 } } };
  const told = { recalled: [], shared: [], said: [] };
  const values = { "4.strength": 0.5 };
  const references = {};
  const bank = new PresetBank({
    graph: () => graph,
    values: () => ({ ...values }),
    references: () => ({ ...references }),
    recall: (...what) => told.recalled.push(what),
    share: (file) => told.shared.push(file),
    check,
    say: (text) => told.said.push(text),
  });
  return { bank, graph, told, values, references };
}

test("presets are saved with the workflow, each under a name of its own, and known to what plays", () => {
  const { bank, graph, told, values } = setUp();
  let shown = 0;
  bank.watchers.add(() => shown++);
  bank.add("Dusk", 2);
  values["4.strength"] = 1;
  bank.add("Dusk", 0);
  assert.deepEqual(graph.extra.livestyle_presets, [
    { name: "Dusk", values: { "4.strength": 0.5 }, fade: 2 },
    { name: "Dusk 2", values: { "4.strength": 1 }, fade: 0 },
  ]);
  assert.deepEqual(graph.extra.ds, { scale: 1 });
  assert.deepEqual(told.shared.at(-1), { ...bank.file, version: 2 });
  assert.deepEqual(bank.file.cues, { tempo: 120, beats: 4, list: [] });
  bank.overwrite(0, 1);
  assert.deepEqual(bank.list[0], { name: "Dusk", values: { "4.strength": 1 }, fade: 1 });
  bank.rename(0, "Dusk 2");
  assert.deepEqual(bank.list.map(({ name }) => name), ["Dusk 2 2", "Dusk 2"]);
  bank.remove(0);
  assert.deepEqual(bank.list.map(({ name }) => name), ["Dusk 2"]);
  assert.equal(shown, 5);
});

test("a preset is recalled with its fade; one that is not there is said", () => {
  const { bank, told } = setUp();
  bank.add("Dusk", 2);
  bank.recall(0);
  bank.recall(4);
  assert.deepEqual(told.recalled, [[{ "4.strength": 0.5 }, 2, undefined]]);
  assert.deepEqual(told.said, ["There is no preset 5."]);
});

test("a preset keeps its picture and references; sessions and prompts get no picture", () => {
  const { bank, graph, told, references } = setUp();
  references["3.reference"] = "dusk.png";
  bank.add("Dusk", 0, "data:image/webp;base64,AAAA");
  assert.equal(bank.file.presets[0].picture, "data:image/webp;base64,AAAA");
  bank.recall(0);
  assert.deepEqual(told.recalled[0][2], { "3.reference": "dusk.png" });
  const presets = [{ name: "Dusk", values: { "4.strength": 0.5 }, fade: 0, references: { "3.reference": "dusk.png" } }];
  assert.deepEqual(told.shared.at(-1).presets, presets);
  const frames = ["4", 0];
  const prompt = {
    1: { class_type: "FrameStreamIO", inputs: { file: "a.mp4" } },
    5: { class_type: "FrameStreamIO", inputs: { frames }, _meta: { title: "Write" } },
  };
  bank.sendAlong({ prompt });
  assert.equal(prompt[1]._meta, undefined);
  assert.deepEqual(prompt[5]._meta, { title: "Write", livestyle_presets: bank.wire });
  bank.overwrite(0, 1);
  assert.equal(graph.extra.livestyle_presets[0].picture, undefined);
});

test("cues follow the presets that they play", () => {
  const { bank, graph, told } = setUp();
  bank.add("Dusk", 0);
  bank.add("Dawn", 0);
  const own = { name: "Dark", values: {}, when: "cut" };
  bank.changeCues({ list: [{ preset: "Dusk", when: "hand" }, { preset: "Dawn", when: "bars", after: 4 }, own], tempo: 90 });
  graph.extra.livestyle_cues.list.push(null); // a workflow comes from anywhere
  bank.rename(1, "Noon");
  assert.deepEqual(graph.extra.livestyle_cues.list[1], { preset: "Noon", when: "bars", after: 4 });
  bank.remove(0);
  assert.deepEqual(told.shared.at(-1).cues, { tempo: 90, beats: 4, list: [{ preset: "Noon", when: "bars", after: 4 }, own] });
});

test("a file is taken only as the server understands it", async () => {
  const presets = [{ name: "Dawn", values: {}, fade: 0 }];
  const good = setUp(async () => ({ presets }));
  await good.bank.load("{}");
  assert.deepEqual(good.bank.list, presets);
  const bad = setUp(async () => ({ error: "Preset 1: name must be a line." }));
  bad.bank.add("Dusk", 0);
  await bad.bank.load("{}");
  await bad.bank.load("{");
  assert.deepEqual(bad.told.said, ["Preset 1: name must be a line.", "The file is not JSON."]);
  assert.deepEqual(bad.bank.list.map(({ name }) => name), ["Dusk"]);
});

function makeOsc(port, answers) {
  const node = { properties: {} };
  const sent = [];
  const said = [];
  const fetch = async (path, { body }) => {
    sent.push([path, JSON.parse(body)]);
    return answers[path] ?? { ok: true, json: async () => ({}) };
  };
  const widgets = () => [{ key: "3:4.strength", node, name: "strength" }];
  return { osc: new Osc({ fetch, secret: "s", port: () => port, widgets, say: (text) => said.push(text) }), node, sent, said };
}

test("OSC is told of nothing until it is on, and a learned fader is kept with its node", async () => {
  const off = makeOsc(0, {});
  await off.osc.sync();
  await off.osc.learn(off.node, "strength");
  assert.deepEqual([off.sent, off.said.length], [[], 1]);
  const answer = { ok: true, json: async () => ({ address: "/1/fader1" }) };
  const { osc, node, sent } = makeOsc(9000, { "/livestyle/osc/learn": answer });
  await osc.sync();
  await osc.learn(node, "strength");
  assert.deepEqual(node.properties.livestyle_osc, { strength: "/1/fader1" });
  assert.deepEqual(sent.at(-1), ["/livestyle/osc", { port: 9000, learned: { "3:4.strength": "/1/fader1" } }]);
  const [entry] = oscMenu(node, ["strength"], osc, () => {});
  assert.match(entry.content, /Forget \/1\/fader1/);
  await entry.callback();
  assert.deepEqual(sent.at(-1)[1].learned, {});
});
