import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, metersText, receiptText } from "../../../web/js/format.mjs?v=0.1.0";
import { decodeFrame } from "../../../web/js/frames.mjs?v=0.1.0";
import { executionId } from "../../../web/js/graph.mjs?v=0.1.0";
import { PreviewQuality } from "../../../web/js/quality.mjs?v=0.1.0";

test("a preview message is taken apart", () => {
  const header = new TextEncoder().encode('{"frame": 12, "w": 4}');
  const bytes = new Uint8Array(4 + header.length + 3);
  new DataView(bytes.buffer).setUint32(0, header.length);
  bytes.set(header, 4);
  bytes.set([1, 2, 3], 4 + header.length);
  const { header: facts, jpeg } = decodeFrame(bytes.buffer);
  assert.deepEqual(facts, { frame: 12, w: 4 });
  assert.deepEqual([...jpeg], [1, 2, 3]);
});

test("durations read well", () => {
  assert.equal(duration(12.4), "12 s");
  assert.equal(duration(65), "1:05");
  assert.equal(duration(-1), "0 s");
});

test("meters show what is known", () => {
  assert.equal(metersText({ state: "loading", stage: "" }), "loading");
  const state = { state: "running", stage: "Playing", done: 10, total: 40, fps: 12.5, eta: 2.4 };
  assert.equal(metersText(state), "running: Playing \u00b7 10/40 \u00b7 12.5 fps \u00b7 2 s left");
  const telemetry = { stages: { step: { mean_ms: 30.4 } }, queues: { side: 3 }, latency_ms: { p50: 81.2 } };
  assert.match(metersText(state, telemetry), /step 30 ms \u00b7 queue 3 \u00b7 latency 81 ms$/);
});

test("receipts are amber, then green with frame and milliseconds", () => {
  assert.deepEqual(receiptText({ type: "received", key: "4.strength" }), { text: "strength: received", mood: "waiting" });
  assert.deepEqual(receiptText({ type: "applied", key: "4:2.seed", frame: 96, ms: 122.6 }), {
    text: "seed: applied \u00b7 frame 96 \u00b7 123 ms",
    mood: "done",
  });
  assert.equal(receiptText({ type: "error", message: "too large" }).mood, "bad");
});

test("a node in nested subgraphs is named by its path", () => {
  const inner = { nodes: [] };
  const outer = { nodes: [{ id: 7, subgraph: inner }] };
  const root = { nodes: [{ id: 1 }, { id: 3, subgraph: outer }] };
  root.rootGraph = outer.rootGraph = inner.rootGraph = root;
  assert.equal(executionId({ id: 5, graph: inner }), "3:7:5");
  assert.equal(executionId({ id: 1, graph: root }), "1");
  assert.equal(executionId({ id: 9, graph: { nodes: [] } }), "9");
});

test("the preview is asked for at the size shown, and asked once", () => {
  const quality = new PreviewQuality();
  assert.deepEqual(quality.wish(300), { type: "preview", max_side: 384, quality: 80 });
  assert.equal(quality.wish(310), undefined);
  assert.equal(quality.wish(5000).max_side, 1024);
});

test("a slow connection gets smaller and coarser pictures, a fast one gets them back", () => {
  const quality = new PreviewQuality();
  quality.wish(500);
  for (let i = 0; i < 30; i++) quality.drawn(400);
  const slow = quality.wish(500);
  assert.ok(slow.quality < 80 && slow.max_side < 512);
  for (let i = 0; i < 60; i++) quality.drawn(10);
  assert.deepEqual(quality.wish(500), { type: "preview", max_side: 512, quality: 80 });
});
