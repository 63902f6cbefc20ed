import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { addUploadButton, applyHalves, forgetUpload, halfOf, MIX, READ, WRITE } from "../../../web/js/halves.mjs?v=0.3.0";
import { applyStyles, STYLES } from "../../../web/js/styles.mjs?v=0.3.0";

const schema = JSON.parse(readFileSync(new URL("../schema.json", import.meta.url), "utf8"));
const WIDGETS = new Set(["INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"]);

function makeNode(mode, link) {
  const widgets = [...READ, ...WRITE, "allow_private", ...MIX].map((name) => ({ name, options: {} }));
  return {
    widgets: [{ name: "mode", value: mode }, ...widgets],
    inputs: ["frames", "compare", "video", "images", "frames_b", "mask"].map((name) => ({ name, type: name, link: name === "frames" ? link : null })),
    isInputConnected(slot) {
      return this.inputs[slot].link != null;
    },
    removeInput(slot) {
      this.inputs.splice(slot, 1);
    },
    addInput(name, type, facts) {
      this.inputs.push({ name, type, link: null, ...facts });
    },
    size: [300, 500],
    computeSize: () => [100, 200],
    setSize(size) {
      this.size = size;
    },
  };
}

const shown = (node) => node.widgets.filter((widget) => !widget.hidden).map((widget) => widget.name);

test("the halves cover the node's widgets, each one once", () => {
  const names = schema.FrameStreamIO.inputs.filter((each) => WIDGETS.has(each.type)).map((each) => each.name);
  const ours = new Set(["upload", "video-preview", "stage", "capture", "status"]);
  const halves = [...READ, ...WRITE, ...MIX].filter((name) => !ours.has(name));
  const both = ["mode", "allow_private"];
  assert.deepEqual(halves.sort(), names.filter((name) => !both.includes(name)).sort());
});

test("auto follows the connections, the others insist", () => {
  assert.equal(halfOf("auto", true, true), "mix");
  assert.equal(halfOf("mix", false), "mix");
  assert.equal(halfOf("auto", false), "read");
  assert.equal(halfOf("auto", true), "write");
  assert.equal(halfOf("read", true), "read");
  assert.equal(halfOf("write", false), "write");
});

test("the other half is hidden for both renderers, and comes back", () => {
  const node = makeNode("auto", null);
  applyHalves(node);
  const live = ["url", "device", "clock", "capture"];
  assert.deepEqual(shown(node), ["mode", ...READ].filter((name) => !live.includes(name)));
  assert.equal(node.widgets.find((widget) => widget.name === "quality").options.hidden, true);
  assert.deepEqual(node.size, [300, 200]);
  node.inputs[0].link = 4;
  applyHalves(node);
  assert.deepEqual(shown(node), ["mode", ...WRITE].filter((name) => !["target_url", "bitrate"].includes(name)));
  assert.equal(node.widgets.find((widget) => widget.name === "quality").options.hidden, false);
});

test("a source or target shows what it needs", () => {
  const reader = makeNode("read", null);
  const choose = (node, name, value) => {
    node.widgets.find((widget) => widget.name === name).value = value;
    applyHalves(node);
    return shown(node).filter((each) => !["mode", "source", "target"].includes(each));
  };
  const always = ["duration", "resize"];
  assert.deepEqual(choose(reader, "source", "network"), [...always, "url", "clock", "allow_private"]);
  assert.deepEqual(choose(reader, "source", "camera"), ["duration", "fps", "resize", "device", "clock"]);
  assert.deepEqual(choose(reader, "source", "browser screen"), [...always, "clock", "capture"]);
  const writer = makeNode("write", 4);
  const network = choose(writer, "target", "network");
  assert.deepEqual(network, ["compare_mode", "keep_last", "preview", "stage", "target_url", "bitrate", "take", "run_mode", "volume", "allow_private"]);
  const named = ["compare_mode", "keep_last", "preview", "stage", "target_url", "take", "run_mode", "volume"];
  for (const target of ["virtual camera", "ndi"]) assert.deepEqual(choose(writer, "target", target), named);
});

test("a hidden widget takes no room, and measures as before when it is back", () => {
  const node = makeNode("write", 4);
  const [own, inherited] = node.widgets.filter((widget) => READ.has(widget.name));
  own.computeSize = () => [1, 77];
  applyHalves(node);
  assert.deepEqual([own.computeSize(), inherited.computeSize()], [[0, -4], [0, -4]]);
  node.widgets[0].value = "read";
  applyHalves(node);
  assert.deepEqual(own.computeSize(), [1, 77]);
  assert.ok(!("computeSize" in inherited) && !("computedHeight" in inherited));
});

test("a node that shows the right half already keeps its size", () => {
  const node = makeNode("auto", null);
  applyHalves(node);
  node.size = [300, 999];
  applyHalves(node);
  assert.deepEqual(node.size, [300, 999]);
});

const sockets = (node) => node.inputs.map(({ name }) => name);

test("a node shows the sockets of its half, and what has no file yet all that may give it one", () => {
  const node = makeNode("auto", null);
  applyHalves(node);
  assert.deepEqual(sockets(node), ["frames", "video", "images"]);
  const set = (name, value) => {
    node.widgets.find((widget) => widget.name === name).value = value;
    applyHalves(node);
    return sockets(node);
  };
  assert.deepEqual(set("file", "flower.mp4"), []);
  assert.deepEqual(set("mode", "write"), ["frames", "compare"]);
  node.inputs[1].link = 7;
  assert.deepEqual(set("mode", "read"), ["compare"]); // what is connected stays
  node.inputs[0].link = null;
  assert.deepEqual(set("file", ""), ["video", "images"]);
});

test("a mix shows its second stream, and an inset or a mask what they need", () => {
  const node = makeNode("mix", 4);
  const choose = (value) => {
    node.widgets.find((widget) => widget.name === "mix").value = value;
    applyHalves(node);
    return [shown(node).slice(2), sockets(node)];
  };
  const two = ["frames", "frames_b"];
  assert.deepEqual(choose("crossfade"), [["balance", "status"], two]);
  assert.deepEqual(choose("picture in picture"), [["balance", "inset_x", "inset_y", "inset_size", "status"], two]);
  assert.deepEqual(choose("mask"), [["balance", "status"], [...two, "mask"]]);
});

test("what was added later forgets the upload button's value, and nothing else does", () => {
  const node = makeNode("read", null);
  for (const widget of node.widgets) widget.value = "image";
  forgetUpload(node);
  const value = (name) => node.widgets.find((widget) => widget.name === name).value;
  assert.deepEqual(["take", "mix", "volume", "filename_prefix"].map(value), ["", "crossfade", 1, "image"]);
});

test("a style switch shows the next empty style", () => {
  const node = makeNode("auto", null);
  node.inputs = STYLES.map((name, place) => ({ name, type: "STYLE", link: place < 2 ? place : null }));
  assert.ok(applyStyles(node));
  assert.deepEqual(sockets(node), ["style", "style_2", "style_3"]);
  node.inputs[2].link = 5;
  applyStyles(node);
  assert.deepEqual(sockets(node), ["style", "style_2", "style_3", "style_4"]);
  node.inputs[1].link = null;
  assert.ok(!applyStyles(node)); // an empty one between two is kept
});

test("the upload button comes last, once", () => {
  const input = { optional: { mode: ["COMBO", {}], file: ["COMBO", { video_upload: true }], path: ["STRING", {}] } };
  addUploadButton(input);
  addUploadButton(input);
  assert.deepEqual(Object.keys(input.optional), ["mode", "file", "path", "upload"]);
  assert.deepEqual(input.optional.upload, ["IMAGEUPLOAD", { video_upload: true, imageInputName: "file" }]);
});
