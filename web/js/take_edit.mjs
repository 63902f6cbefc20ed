// @ts-check
/** A take that is being edited: its lanes, where it begins and ends, and every step back. */

/** @typedef {{frame: number, value: any, modulator?: any}} Point from this frame on; with what makes the values from
 * here on, null for a hand, where it is another than before */
/** @typedef {{start: any, points: Point[], low: number, high: number}} Lane low to high are the numbers it shows */

export class TakeEdit {
  /** @param {string} file as the widget names it @param {any} take as the server gives it */
  constructor(file, take) {
    this.file = file;
    this.first = take.first;
    /** @type {number | null} */
    this.end = take.end;
    const [over, under] = String(take.fps ?? 24).split("/").map(Number);
    this.fps = over / (under || 1) || 24;
    /** @type {Map<string, Lane>} */
    this.lanes = new Map();
    for (const { key, pts, ...point } of take.changes) {
      if (!this.lanes.has(key)) this.lanes.set(key, { start: take.values[key], points: [], low: 0, high: 1 });
      this.lanes.get(key)?.points.push(point);
    }
    for (const lane of this.lanes.values()) {
      const numbers = [lane.start, ...lane.points.map(({ value }) => value)].filter((value) => typeof value === "number");
      lane.low = Math.min(...numbers);
      lane.high = Math.max(...numbers);
    }
    /** Earlier states, as texts. @type {string[]} */
    this.past = [];
  }

  /** Frames that there are to show. */
  get length() {
    const last = [...this.lanes.values()].map(({ points }) => points.at(-1)?.frame ?? 0);
    return Math.max(this.end ?? 0, ...last.map((frame) => frame + 1), 1);
  }

  /** @param {string} key @param {number} index @returns {Point | undefined} */
  point(key, index) {
    return this.lanes.get(key)?.points[index];
  }

  /** What has made a point's value, nothing for a hand. @param {string} key @param {number} index @returns {any} */
  modulator(key, index) {
    const upTo = this.lanes.get(key)?.points.slice(0, index + 1) ?? [];
    return upTo.findLast(({ modulator }) => modulator !== undefined)?.modulator ?? null;
  }

  /** Remember the state before a change, once for a whole drag. */
  begin() {
    this.past.push(this.#state());
  }

  /** Move a point; it stays between its neighbours, and a number between the lane's least and greatest.
   * @param {string} key @param {number} index @param {number} frame @param {any} value */
  move(key, index, frame, value) {
    const lane = this.lanes.get(key);
    if (!lane?.points[index]) return;
    const low = lane.points[index - 1]?.frame ?? -1;
    const high = lane.points[index + 1]?.frame ?? Infinity;
    const kept = typeof value === "number" ? fit(value, lane) : value;
    lane.points[index] = { ...lane.points[index], frame: Math.min(high - 1, Math.max(low + 1, Math.round(frame))), value: kept };
  }

  /** @param {string} key @param {number} index */
  remove(key, index) {
    const points = this.lanes.get(key)?.points ?? [];
    this.begin();
    const [gone] = points.splice(index, 1);
    if (gone?.modulator !== undefined && points[index]) points[index] = { modulator: gone.modulator, ...points[index] };
  }

  /** A new point; where there is one already it takes the value. @param {string} key @param {number} frame
   * @param {any} value @returns {number} its index */
  add(key, frame, value) {
    const lane = /** @type {Lane} */ (this.lanes.get(key));
    this.begin();
    const at = Math.max(0, Math.round(frame));
    const after = lane.points.findIndex((point) => point.frame >= at);
    const index = after < 0 ? lane.points.length : after;
    const kept = typeof value === "number" ? fit(value, lane) : value;
    const there = lane.points[index]?.frame === at ? lane.points[index] : undefined;
    lane.points.splice(index, there ? 1 : 0, { ...there, frame: at, value: kept });
    return index;
  }

  /** Have the recording begin, or end, at a frame. @param {"first" | "end"} what @param {number} frame */
  trim(what, frame) {
    this.begin();
    if (what === "first") this.first = Math.min(frame, (this.end ?? Infinity) - 1);
    else this.end = Math.max(frame, this.first + 1);
  }

  undo() {
    const state = this.past.pop();
    if (!state) return;
    const { first, end, points } = JSON.parse(state);
    Object.assign(this, { first, end });
    for (const [key, lane] of this.lanes) lane.points = points[key];
  }

  /** What the server keeps. */
  get body() {
    const changes = [...this.lanes].flatMap(([key, { points }]) =>
      points.map((point) => ({ ...point, pts: point.frame / this.fps, key })),
    );
    return { file: this.file, first: this.first, end: this.end, values: {}, changes };
  }

  #state() {
    const points = Object.fromEntries([...this.lanes].map(([key, lane]) => [key, lane.points]));
    return JSON.stringify({ first: this.first, end: this.end, points });
  }
}

/** A whole number stays whole where all the lane's are. @param {number} value @param {Lane} lane */
function fit(value, { start, points, low, high }) {
  const whole = [start, ...points.map((point) => point.value)].every(Number.isInteger);
  const bounded = Math.min(high, Math.max(low, value));
  return whole ? Math.round(bounded) : bounded;
}
