import assert from "node:assert/strict";
import test from "node:test";

import { TakeEdit } from "../../../web/js/take_edit.mjs";
import { annotated } from "../../../web/js/takes.mjs";

const TAKE = {
  first: 0,
  end: 48,
  fps: "24",
  values: { "4.strength": 1, "3.prompt": "oil", "4.seed": 0 },
  changes: [
    { frame: 8, pts: 0.333, key: "4.strength", value: 0.25 },
    { frame: 16, pts: 0.667, key: "4.strength", value: 0.5 },
    { frame: 12, pts: 0.5, key: "3.prompt", value: "ink" },
    { frame: 12, pts: 0.5, key: "4.seed", value: 10 },
  ],
};

const edit = () => new TakeEdit("a.take.jsonl [output]", TAKE);
const frames = (take, key) => take.lanes.get(key).points.map(({ frame }) => frame);

test("an edit that changes nothing sends what it got", () => {
  const { body } = edit();
  assert.deepEqual({ ...body, changes: body.changes.map(({ key, frame, value }) => ({ key, frame, value })) }, {
    file: "a.take.jsonl [output]",
    first: 0,
    end: 48,
    values: {},
    changes: TAKE.changes.map(({ key, frame, value }) => ({ key, frame, value })),
  });
  assert.equal(body.changes[0].pts, 8 / 24);
});

test("a point stays between its neighbours and within its lane, and whole numbers stay whole", () => {
  const take = edit();
  take.move("4.strength", 0, 99, 7);
  assert.deepEqual(take.point("4.strength", 0), { frame: 15, value: 1 });
  take.move("4.strength", 0, -5, 0.3);
  assert.deepEqual(take.point("4.strength", 0), { frame: 0, value: 0.3 });
  take.move("4.seed", 0, 12.4, 3.6);
  assert.deepEqual(take.point("4.seed", 0), { frame: 12, value: 4 });
  take.move("3.prompt", 0, 20, "ink");
  assert.deepEqual(take.point("3.prompt", 0), { frame: 20, value: "ink" });
  take.move("9.gone", 0, 1, 1);
});

test("points are added in order, and take the place of one at the same frame", () => {
  const take = edit();
  assert.equal(take.add("4.strength", 12, 0.9), 1);
  assert.equal(take.add("4.strength", 16, 0.75), 2);
  assert.deepEqual(frames(take, "4.strength"), [8, 12, 16]);
  assert.equal(take.point("4.strength", 2).value, 0.75);
});

test("what made the values stays with its frames, whatever is moved, added and removed", () => {
  const sine = { signal: "sine", offset: 0.5, depth: 0.25 };
  const key = "4.strength";
  const [first, second, ...others] = TAKE.changes;
  const moved = [{ ...first, modulator: sine }, second, { frame: 24, pts: 1, key, value: 1, modulator: null }];
  const take = new TakeEdit("a", { ...TAKE, changes: [...moved, ...others] });
  const made = () => take.lanes.get(key).points.map((_, index) => take.modulator(key, index)?.signal ?? "hand");
  assert.deepEqual(made(), ["sine", "sine", "hand"]);
  take.move(key, 0, 4, 0.5);
  take.add(key, 12, 0.5);
  take.add(key, 24, 0.5);
  assert.deepEqual(made(), ["sine", "sine", "sine", "hand"]);
  take.remove(key, 0);
  assert.deepEqual(made(), ["sine", "sine", "hand"]);
  const told = take.body.changes.filter((change) => change.key === key).map(({ modulator }) => modulator);
  assert.deepEqual(told, [sine, undefined, null]);
  assert.equal(take.modulator("3.prompt", 0), null);
});

test("every step can be taken back", () => {
  const take = edit();
  const before = JSON.stringify(take.body);
  take.begin();
  take.move("4.strength", 0, 4, 0.5);
  take.remove("3.prompt", 0);
  take.add("4.strength", 30, 0.5);
  take.trim("first", 8);
  take.trim("end", 4);
  assert.deepEqual([take.first, take.end], [8, 9]);
  for (let n = 0; n < 5; n++) take.undo();
  assert.equal(JSON.stringify(take.body), before);
  take.undo();
  assert.equal(JSON.stringify(take.body), before);
});

test("a take without an end is as long as its last change says", () => {
  assert.equal(new TakeEdit("a", { ...TAKE, end: null }).length, 17);
  assert.equal(edit().length, 48);
});

test("a file is named as a widget has it", () => {
  assert.equal(annotated({ filename: "a.take.jsonl", subfolder: "livestyle", type: "output" }), "livestyle/a.take.jsonl [output]");
  assert.equal(annotated({ filename: "a.take.jsonl", subfolder: "" }), "a.take.jsonl [output]");
});
