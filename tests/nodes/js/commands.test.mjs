import assert from "node:assert/strict";
import { test } from "node:test";
import { commandsFor } from "../../../web/js/commands.mjs";
import { t, translateDefinition, translateNode, translateTitle, translated, useLanguage } from "../../../web/js/i18n.mjs";
import { menuOf } from "../../../web/js/node_menu.mjs";

function session(node, recorders = []) {
  return { node, nodes: new Set([node]), recorders, recording: () => false };
}

function setUp(sessions, selected = []) {
  const done = [];
  const board = {
    playing: sessions,
    sessionOf: (id) => sessions.find((each) => each.nodes.has(id)),
    stop: (id) => done.push(`stop ${id}`),
    record: (id, on) => done.push(`record ${id} ${on}`),
    pause: (id, on) => done.push(`pause ${id} ${on}`),
    step: (id) => done.push(`step ${id}`),
    snapshot: async () => ({ file: { filename: "frame.png" } }),
  };
  const presets = { recall: (index) => done.push(`preset ${index}`) };
  const host = { board, presets, selected: () => selected, play: () => done.push("play"), say: (text) => done.push(text), cue: (...what) => done.push(`cue ${what.join(" ")}`) };
  const { commands, keybindings } = commandsFor(host);
  const run = (name) => commands.find(({ id }) => id === `livestyle.${name}`).function();
  return { board, done, host, keybindings, run };
}

test("a command acts on the selected session, and on all where none is selected", () => {
  const sessions = [session("1"), session("2")];
  const one = setUp(sessions, ["2"]);
  one.run("stop");
  assert.deepEqual(one.done, ["stop 2"]);
  const all = setUp(sessions, ["9"]);
  all.run("stop");
  assert.deepEqual(all.done, ["stop 1", "stop 2"]);
});

test("pause goes on where it stands still", () => {
  const { done, run } = setUp([session("1"), { ...session("2"), paused: true }]);
  run("pause");
  run("step");
  assert.deepEqual(done, ["pause 1 true", "pause 2 false", "step 1", "step 2"]);
});

test("cues go, go back and wait", () => {
  const { done, run } = setUp([session("1"), { ...session("2"), held: true }], ["2"]);
  run("go");
  run("back");
  run("hold");
  assert.deepEqual(done, ["cue 2 go", "cue 2 back", "cue 2 hold false"]);
});

test("where nothing plays, a command says so", () => {
  const { done, run } = setUp([]);
  run("record");
  assert.deepEqual(done, ["Nothing plays."]);
});

test("recording begins on every node that records, and is explained where none does", () => {
  const { done, run } = setUp([session("1", ["1", "3"])]);
  run("record");
  assert.deepEqual(done, ["record 1 true", "record 3 true"]);
  const none = setUp([session("1")]);
  none.run("record");
  assert.match(none.done[0], /records/);
});

test("every command has a key of its own that text fields keep to themselves", () => {
  const { keybindings } = setUp([]);
  const keys = keybindings.map(({ combo }) => combo.key);
  assert.equal(new Set(keys).size, 6 + 2 + 9);
  assert.ok(keybindings.every(({ combo }) => !combo.ctrl && !combo.alt && Boolean(combo.shift) === !/[1-9]|Page/.test(combo.key)));
});

test("keys 1 to 9 recall the presets", () => {
  const { done, keybindings, run } = setUp([]);
  assert.equal(keybindings.find(({ combo }) => combo.key === "3").commandId, "livestyle.preset3");
  run("preset3");
  assert.deepEqual(done, ["preset 2"]);
});

test("the menu of a node offers what it can do now", async () => {
  const { board, done, host } = setUp([session("1", ["1"])]);
  const entries = menuOf("1", true, { ...host, copyShareLink: async () => undefined }).filter(Boolean);
  assert.deepEqual(
    entries.map(({ content, disabled }) => [content, Boolean(disabled)]),
    [
      ["Save this frame", false],
      ["Start recording", false],
      ["Copy link for OBS", false],
      ["Open help", false],
    ],
  );
  await entries[0].callback();
  entries[1].callback();
  await entries[2].callback();
  assert.deepEqual(done.slice(0, 2), ["Saved frame.png", "record 1 true"]);
  assert.match(done[2], /no link/);
  assert.deepEqual(menuOf("1", false, { ...host, board }).filter(Boolean).length, 1);
});

test("words come in the page's language, with names where they belong", () => {
  const locales = { fr: { livestyle: { "Saved {file}": "{file} enregistr\u00e9" } } };
  useLanguage(locales, "fr");
  assert.equal(t("Saved {file}", { file: "a.png" }), "a.png enregistr\u00e9");
  assert.equal(t("not there"), "not there");
  useLanguage(locales, "ko");
  assert.equal(t("Saved {file}", { file: "a.png" }), "Saved a.png");
});

test("a node's definition, labels and English title come in the page's language", () => {
  const texts = { display_name: "Charger", description: "D", inputs: { lora: { name: "LoRA", tooltip: "T" } }, outputs: { 0: { name: "mod\u00e8le" } } };
  const en = { nodeDefs: { Load: { display_name: "Load it" } } };
  useLanguage({ en, fr: { nodeDefs: { Load: texts }, commands: { livestyle_play: { label: "Lancer" } } } }, "fr");
  const definition = { name: "Load", display_name: "Load it", input: { required: { lora: ["COMBO", {}] }, hidden: { id: "ID" } } };
  translateDefinition(definition);
  assert.equal(definition.display_name, "Charger");
  assert.deepEqual(definition.input.required.lora[1], { display_name: "LoRA", tooltip: "T" });
  const node = { comfyClass: "Load", title: "Load it", widgets: [{ name: "lora" }], inputs: [{ name: "x" }], outputs: [{}] };
  translateNode(node);
  translateTitle(node);
  assert.deepEqual([node.title, node.widgets[0].label, node.outputs[0].localized_name], ["Charger", "LoRA", "mod\u00e8le"]);
  node.title = "mine";
  translateTitle(node);
  assert.equal(node.title, "mine");
  assert.deepEqual(translated("commands", [{ id: "livestyle.play", label: "Play" }]), [{ id: "livestyle.play", label: "Lancer" }]);
});
