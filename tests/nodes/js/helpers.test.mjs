import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, meters, notes, receiptText } from "../../../web/js/format.mjs?v=0.3.0";
import { decodeFrame, encodeMessage } from "../../../web/js/frames.mjs?v=0.3.0";
import { executionId, instancesOf } from "../../../web/js/graph.mjs?v=0.3.0";
import { Latency } from "../../../web/js/latency.mjs?v=0.3.0";
import { PreviewQuality } from "../../../web/js/quality.mjs?v=0.3.0";
import { ServerClock } from "../../../web/js/server_clock.mjs?v=0.3.0";

function previewMessage(facts, ...parts) {
  const header = new TextEncoder().encode(JSON.stringify(facts));
  const bytes = new Uint8Array(4 + header.length + parts.flat().length);
  new DataView(bytes.buffer).setUint32(0, header.length);
  bytes.set(header, 4);
  bytes.set(parts.flat(), 4 + header.length);
  return bytes.buffer;
}

test("a preview message is taken apart", () => {
  const alone = decodeFrame(previewMessage({ frame: 12, w: 4, source: 0 }, [1, 2, 3]));
  assert.deepEqual(alone.header, { frame: 12, w: 4, source: 0 });
  assert.deepEqual([...alone.jpeg], [1, 2, 3]);
  assert.equal(alone.source, undefined);
  const both = decodeFrame(previewMessage({ source: 2 }, [1, 2, 3], [8, 9]));
  assert.deepEqual([[...both.jpeg], [...both.source]], [[1, 2, 3], [8, 9]]);
});

test("a camera's picture is put together the same way", () => {
  const message = encodeMessage({ node: "1:2", taken: 12.5 }, new Uint8Array([255, 216, 7]).buffer);
  const { header, jpeg } = decodeFrame(message);
  assert.deepEqual(header, { node: "1:2", taken: 12.5 });
  assert.deepEqual([...jpeg], [255, 216, 7]);
});

test("the server's clock is known from the answer that came back the fastest", () => {
  let now = 1000;
  const asked = [];
  const clock = new ServerClock((message) => asked.push(message), () => now);
  assert.equal(clock.since(5), undefined);
  clock.ask();
  now = 1080; // a slow way there, a fast one back: 40 ms off
  clock.heard({ at: asked[0].at, now: 51075 });
  clock.ask();
  now = 1084;
  clock.heard({ at: asked[1].at, now: 51082 });
  assert.equal(clock.offset, 50000);
  assert.equal(clock.toServer(1084), 51084);
  assert.equal(clock.since(51000), 84);
});

test("latency is summed up over the last pictures", () => {
  const latency = new Latency();
  assert.equal(latency.summary(), undefined);
  for (let ms = 0; ms < 200; ms++) latency.add(ms);
  latency.add(undefined);
  latency.add(-3);
  const { p50, p95 } = latency.summary();
  assert.ok(Math.abs(p50 - 155) <= 1 && p95 > 190);
});

test("durations read well", () => {
  assert.equal(duration(12.4), "12 s");
  assert.equal(duration(65), "1:05");
  assert.equal(duration(-1), "0 s");
});

test("meters show what is known", () => {
  const texts = (...said) => meters(...said).map(({ text }) => text);
  assert.deepEqual(texts({ state: "loading", stage: "" }), ["loading"]);
  const state = { state: "running", stage: "Playing", done: 10, total: 40, fps: 12.5, eta: 2.4 };
  assert.deepEqual(texts(state), ["12.5 fps", "10/40", "2 s left"]);
  const telemetry = {
    stages: { step: { mean_ms: 30.4 } },
    queues: { side: 3 },
    latency_ms: { p50: 81.2, p95: 99 },
    source_drops: 4,
    memory_mb: 1234.5,
  };
  assert.deepEqual(texts(state, telemetry), ["12.5 fps", "latency 81 ms", "10/40", "2 s left", "drops 4", "Details"]);
  assert.match(meters(state, telemetry).at(-1).title, /step 30\n.*: 3\n.*1235 MB$/);
  const adaptive = { ...telemetry, readouts: { 4: { window: "8" }, 9: { window: "16" } } };
  const windows = meters(state, adaptive).filter(({ text }) => text.startsWith("window"));
  assert.deepEqual(windows.map(({ name, text }) => [name, text]), [["window-4", "window 8"], ["window-9", "window 16"]]);
  assert.match(windows[0].title, /Latent frames/);
  const seen = { ...telemetry, glass_to_glass_ms: { p50: 140, p95: 160 } };
  const latency = meters(state, seen).find(({ name }) => name === "latency");
  assert.equal(latency.text, "latency 140 ms");
  assert.match(latency.title, /160 ms/);
});

test("what sources and targets have to say becomes one line", () => {
  assert.equal(notes(undefined), "");
  const telemetry = { sources: { 1: { note: "holding" }, 2: { note: "" } }, targets: { 5: { note: "disk full" } } };
  assert.equal(notes(telemetry), "holding \u00b7 disk full");
});

test("receipts are amber, then green with frame and milliseconds", () => {
  assert.deepEqual(receiptText({ type: "received", key: "4.strength" }), { text: "strength: received", mood: "waiting" });
  assert.deepEqual(receiptText({ type: "applied", key: "4:2.seed", frame: 96, ms: 122.6 }), {
    text: "seed: applied \u00b7 frame 96 \u00b7 123 ms",
    mood: "done",
  });
  assert.deepEqual(receiptText({ type: "scheduled", key: "7.active", value: 2, frame: 120, pts: 5 }), {
    text: "active: 2 \u00b7 scheduled \u00b7 frame 120",
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

test("each instance of a subgraph has its own ids", () => {
  const inner = { nodes: [] };
  const outer = { nodes: [{ id: 7, subgraph: inner }, { id: 8, subgraph: inner }] };
  const root = { nodes: [{ id: 3, subgraph: outer }, { id: 1 }, { id: 4, subgraph: outer }] };
  root.rootGraph = outer.rootGraph = inner.rootGraph = root;
  const idsOf = (node) => instancesOf(node).map((holders) => executionId(node, holders));
  assert.deepEqual(idsOf({ id: 5, graph: inner }), ["3:7:5", "3:8:5", "4:7:5", "4:8:5"]);
  assert.deepEqual(idsOf({ id: 7, graph: outer }), ["3:7", "4:7"]);
  assert.deepEqual(idsOf({ id: 1, graph: root }), ["1"]);
  assert.deepEqual(idsOf({ id: 5, graph: { nodes: [], rootGraph: root } }), []); // its subgraph is used nowhere
});

const SEEN = { source: false, hidden: false, canvas: true };

test("the preview is asked for at the size shown, and asked once", () => {
  const quality = new PreviewQuality();
  const wish = { type: "preview", max_side: 384, quality: 80, source: false, fps: 0, canvas: true };
  assert.deepEqual(quality.wish({ shown: 300, ...SEEN }), wish);
  assert.equal(quality.wish({ shown: 310, ...SEEN }), undefined);
  assert.equal(quality.wish({ shown: 5000, ...SEEN }).max_side, 1024);
});

test("out of sight one picture a second is enough; the source comes only where it is shown", () => {
  const quality = new PreviewQuality();
  assert.equal(quality.wish({ shown: 300, source: false, hidden: true }).fps, 1);
  assert.equal(quality.wish({ shown: 300, source: false, hidden: false }).fps, 0);
  assert.equal(quality.wish({ shown: 300, source: true, hidden: false }).source, true);
});

test("a slow connection gets smaller and coarser pictures, a fast one gets them back", () => {
  const quality = new PreviewQuality();
  const sight = { shown: 500, ...SEEN };
  quality.wish(sight);
  for (let i = 0; i < 30; i++) quality.drawn(400);
  const slow = quality.wish(sight);
  assert.ok(slow.quality < 80 && slow.max_side < 512);
  for (let i = 0; i < 60; i++) quality.drawn(10);
  const fast = quality.wish(sight);
  assert.deepEqual([fast.max_side, fast.quality], [512, 80]);
});
