import assert from "node:assert/strict";
import { test } from "node:test";

import { fitFirstView } from "../../../web/js/first_view.mjs";

const graph = (extra) => ({
  nodes: [
    { type: "FrameStreamIO", pos: [0, 30], size: [330, 400] },
    { type: "FrameStreamIO", pos: [1140, 30], size: [440, 514] },
  ],
  extra: { workflowRendererVersion: "Vue-corrected", ...extra },
});

test("a template opens whole and clear of the bars", () => {
  const opened = graph();
  fitFirstView(opened, { width: 1280, height: 800 });
  const { scale, offset } = opened.extra.ds;
  assert.ok(scale >= 0.6 && scale <= 1);
  assert.ok((0 + offset[0]) * scale >= 76 && (1580 + offset[0]) * scale <= 1264 + 1e-6);
  assert.ok((0 + offset[1]) * scale >= 136 && (544 + offset[1]) * scale <= 550);
});

test("a small window shows where the graph begins, large enough to read", () => {
  const opened = graph();
  fitFirstView(opened, { width: 640, height: 400 });
  const { scale, offset } = opened.extra.ds;
  assert.equal(scale, 0.45);
  assert.equal(Math.round(offset[0] * scale), 76);
});

test("a saved view, and graphs of others, stay as they are", () => {
  const saved = graph({ ds: { scale: 2, offset: [1, 2] } });
  const other = graph({ workflowRendererVersion: undefined });
  for (const each of [saved, other, { nodes: [] }, undefined]) fitFirstView(each, { width: 1280, height: 800 });
  assert.deepEqual(saved.extra.ds, { scale: 2, offset: [1, 2] });
  assert.equal(other.extra.ds, undefined);
});
