import assert from "node:assert/strict";
import { test } from "node:test";
import { Comparison } from "../../../web/js/comparison.mjs?v=0.3.0";

/** A canvas that remembers what was drawn where. */
function makeCanvas() {
  const drawn = [];
  const listeners = {};
  return {
    width: 0,
    height: 0,
    drawn,
    getContext: () => ({
      drawImage: (picture, ...box) => drawn.push([picture.name, ...box]),
      fillRect: (...box) => drawn.push(["line", ...box]),
    }),
    addEventListener: (name, listener) => (listeners[name] = listener),
    getBoundingClientRect: () => ({ left: 100, width: 200, height: 100 }),
    point: (clientX) => listeners.pointermove({ clientX }),
  };
}

const RESULT = { name: "result", width: 100, height: 50 };
const SOURCE = { name: "source", width: 100, height: 50 };

test("the result fills the canvas, and the source is not asked for", () => {
  const canvas = makeCanvas();
  const comparison = new Comparison(canvas);
  comparison.show(RESULT);
  assert.deepEqual([canvas.width, canvas.height, canvas.drawn], [100, 50, [["result", 0, 0]]]);
  assert.equal(comparison.wantsSource, false);
});

test("side by side is twice as wide, source left", () => {
  const canvas = makeCanvas();
  const comparison = new Comparison(canvas);
  comparison.mode = "side_by_side";
  comparison.show(RESULT, SOURCE);
  assert.equal(canvas.width, 200);
  assert.deepEqual(canvas.drawn, [["source", 0, 0, 100, 50], ["result", 100, 0]]);
});

test("the wipe follows the pointer and stays inside the picture", () => {
  const canvas = makeCanvas();
  const comparison = new Comparison(canvas);
  comparison.mode = "wipe";
  comparison.show(RESULT, SOURCE);
  const edge = () => canvas.drawn.filter(([name]) => name === "source").at(-1)?.[7];
  assert.equal(edge(), 50);
  canvas.point(150);
  assert.equal(edge(), 25);
  canvas.point(1000);
  assert.equal(comparison.wipe, 1);
});

test("without a source every mode shows the result alone", () => {
  const canvas = makeCanvas();
  const comparison = new Comparison(canvas);
  comparison.mode = "side_by_side";
  comparison.show(RESULT);
  assert.deepEqual([canvas.width, canvas.drawn], [100, [["result", 0, 0]]]);
});
