import assert from "node:assert/strict";
import { test } from "node:test";
import { Coalescer } from "../../../web/js/coalescer.mjs?v=0.3.0";

/** A coalescer with a hand-turned clock. */
function make() {
  const sent = [];
  let waiting = [];
  const coalescer = new Coalescer(
    (key, value) => sent.push([key, value]),
    16,
    (run) => waiting.push(run),
  );
  const tick = () => {
    const due = waiting;
    waiting = [];
    for (const run of due) run();
  };
  return { coalescer, sent, tick, waiting: () => waiting.length };
}

test("the first value goes at once, the latest of the others after the interval", () => {
  const { coalescer, sent, tick } = make();
  for (let value = 0; value < 10; value++) coalescer.push("a", value);
  assert.deepEqual(sent, [["a", 0]]);
  tick();
  assert.deepEqual(sent.at(-1), ["a", 9]);
  tick();
  assert.equal(sent.length, 2);
});

test("keys do not hold each other up", () => {
  const { coalescer, sent } = make();
  coalescer.push("a", 1);
  coalescer.push("b", 2);
  assert.deepEqual(sent, [["a", 1], ["b", 2]]);
});

test("the last of 600 values always arrives, with one message an interval at most", () => {
  const { coalescer, sent, tick } = make();
  for (let value = 0; value < 600; value++) {
    coalescer.push("a", value);
    if (value % 3 === 0) tick();
  }
  tick();
  tick();
  assert.deepEqual(sent.at(-1), ["a", 599]);
  assert.ok(sent.length <= 203);
});

test("no timer runs while nothing changes", () => {
  const { coalescer, tick, waiting } = make();
  coalescer.push("a", 1);
  tick();
  assert.equal(waiting(), 0);
});
