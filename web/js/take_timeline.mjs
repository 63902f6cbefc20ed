// @ts-check
/**
 * The lanes of a take under the picture: points are dragged, chosen and moved with the keys, removed and added.
 */
import { button, element } from "./elements.mjs?v=0.3.0";
import { t } from "./i18n.mjs?v=0.3.0";
import { TakeEdit } from "./take_edit.mjs?v=0.3.0";

const LANE = 34; // CSS pixels of a lane
const MOST_LANES = 5; // in sight; the others are scrolled to
const TOP = 12; // of a lane, for its name
const NEAR = 9; // how near to a point a press is meant for it
const ZOOM = 1.25;
const NUDGE = 0.02; // of a lane's height, with Shift and an arrow

/**
 * @typedef {object} TimelineHost
 * @property {() => string} file the take to show, as the widget ``take`` names it
 * @property {(file: string) => Promise<any>} read gives the take, or {error}
 * @property {(body: any) => Promise<any>} write gives {file}, or {error}
 * @property {(file: any) => void} onSaved
 * @property {(key: string) => string} nameOf a live value
 */

export class TakeTimeline {
  /** @param {TimelineHost} host */
  constructor(host) {
    this.host = host;
    /** @type {TakeEdit | undefined} */
    this.edit = undefined;
    /** Which frames are in sight. */
    this.from = 0;
    this.to = 1;
    this.lane = 0;
    this.index = -1;
    this.element = element("div", "livestyle-takes");
    this.element.hidden = true;
    this.canvas = /** @type {HTMLCanvasElement} */ (element("canvas", "livestyle-lanes"));
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    Object.assign(this.canvas, { type: "textarea" }); // else ComfyUI hears Ctrl and Z, too, and undoes the graph
    const keys = t("Drag a point, or choose it with the arrows and move it with Shift. A double click adds one, Delete removes it, + and - zoom, Ctrl and Z takes back.");
    this.canvas.title = this.canvas.ariaLabel = keys;
    this.line = element("div", "livestyle-take-line");
    this.line.setAttribute("role", "status");
    const bar = element("div", "livestyle-bar");
    bar.append(
      button("livestyle-take-undo", "Undo", "Take the last step back.", () => this.#change(() => this.edit?.undo())),
      button("livestyle-take-first", "Begin here", "Have the recording begin at the chosen point.", () => this.#trim("first")),
      button("livestyle-take-end", "End here", "Have the recording end at the chosen point.", () => this.#trim("end")),
      button("livestyle-take-save", "Save", "Keep this beside the first take; the next Run plays it.", () => this.#save()),
    );
    this.scroll = element("div", "livestyle-take-scroll");
    this.scroll.append(this.canvas);
    this.element.append(bar, this.scroll, this.line);
    this.canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.canvas.addEventListener("dblclick", (event) => this.#insert(event));
    this.canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    /** Called when it has another height. */
    this.onResize = () => {};
  }

  /** CSS pixels that it needs. */
  get height() {
    const lanes = Math.min(MOST_LANES, this.edit?.lanes.size || 1);
    return this.element.hidden ? 0 : lanes * LANE + 52;
  }

  /** Show the take, or nothing any more. */
  async toggle() {
    this.element.hidden = !this.element.hidden;
    if (!this.element.hidden) await this.load();
    this.onResize();
  }

  async load() {
    const file = this.host.file();
    const take = file ? await this.host.read(file) : { error: t("There is no take yet: run the graph and move something.") };
    this.edit = take.error ? undefined : new TakeEdit(file, take);
    [this.from, this.to, this.lane, this.index] = [0, this.edit?.length ?? 1, 0, -1];
    this.#say(take.error ?? file);
    this.onResize();
    this.draw();
  }

  draw() {
    const { edit, canvas } = this;
    const names = [...(edit?.lanes.keys() ?? [])];
    canvas.style.height = `${Math.max(1, names.length) * LANE}px`;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    Object.assign(canvas, { width: width * scale, height: height * scale });
    const pen = canvas.getContext("2d");
    if (!pen || !edit) return;
    pen.scale(scale, scale);
    pen.font = "10px sans-serif";
    const style = getComputedStyle(canvas);
    for (const [row, key] of names.entries()) this.#drawLane(pen, style.color, row, key);
    pen.fillStyle = "rgba(0, 0, 0, 0.45)"; // what is trimmed off
    pen.fillRect(0, 0, Math.max(0, this.#x(edit.first)), height);
    if (edit.end !== null) pen.fillRect(this.#x(edit.end), 0, width, height);
  }

  /** @param {CanvasRenderingContext2D} pen @param {string} colour @param {number} row @param {string} key */
  #drawLane(pen, colour, row, key) {
    const lane = /** @type {import("./take_edit.mjs?v=0.3.0").Lane} */ (this.edit?.lanes.get(key));
    const width = this.canvas.clientWidth;
    pen.strokeStyle = pen.fillStyle = colour;
    pen.globalAlpha = 0.85;
    pen.fillText(this.host.nameOf(key), 4, row * LANE + 9);
    pen.globalAlpha = 0.5;
    pen.fillRect(0, (row + 1) * LANE - 1, width, 1);
    pen.globalAlpha = 1;
    pen.beginPath();
    pen.moveTo(0, this.#y(row, lane, lane.start));
    let before = lane.start;
    for (const { frame, value } of lane.points) {
      pen.lineTo(this.#x(frame), this.#y(row, lane, before));
      pen.lineTo(this.#x(frame), this.#y(row, lane, value));
      before = value;
    }
    pen.lineTo(width, this.#y(row, lane, before));
    pen.stroke();
    for (const [index, { frame, value }] of lane.points.entries()) {
      const chosen = row === this.lane && index === this.index;
      pen.fillStyle = chosen ? "#e0a030" : colour;
      pen.beginPath();
      pen.arc(this.#x(frame), this.#y(row, lane, value), chosen ? 5 : 3, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  /** @param {number} frame */
  #x(frame) {
    return ((frame - this.from) / (this.to - this.from)) * this.canvas.clientWidth;
  }

  /** @param {number} x @returns {number} */
  #frame(x) {
    return this.from + (x / this.canvas.clientWidth) * (this.to - this.from);
  }

  /** Texts lie in the middle. @param {number} row @param {any} lane @param {any} value */
  #y(row, lane, value) {
    const share = typeof value === "number" && lane.high > lane.low ? (value - lane.low) / (lane.high - lane.low) : 0.5;
    return row * LANE + TOP + (1 - share) * (LANE - TOP - 6);
  }

  /** Where a pointer is on the lanes, whatever the editor's zoom. @param {MouseEvent} event */
  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.canvas.clientWidth;
    const y = ((event.clientY - box.top) / box.height) * this.canvas.clientHeight;
    const row = Math.min(Math.max(0, Math.floor(y / LANE)), (this.edit?.lanes.size ?? 1) - 1);
    const key = [...(this.edit?.lanes.keys() ?? [])][row];
    const lane = this.edit?.lanes.get(key);
    const share = Math.min(1, Math.max(0, 1 - (y - row * LANE - TOP) / (LANE - TOP - 6)));
    return { x, row, key, lane, value: lane ? lane.low + share * (lane.high - lane.low) : 0 };
  }

  /** @param {PointerEvent} event */
  #press(event) {
    event.stopPropagation();
    this.canvas.focus({ preventScroll: true });
    const { x, row, key, lane } = this.#at(event);
    if (!lane || event.button) return;
    const near = lane.points.map(({ frame }) => Math.abs(this.#x(frame) - x));
    const index = near.indexOf(Math.min(...near, NEAR));
    this.#choose(row, index);
    const from = this.from;
    let moved = false;
    const drag = (/** @type {PointerEvent} */ later) => {
      const now = this.#at(later);
      if (index < 0) return this.#pan(from - this.from + this.#frame(x) - this.#frame(now.x));
      if (!moved) this.edit?.begin();
      moved = true;
      const text = typeof lane.points[index].value !== "number";
      this.#change(() => this.edit?.move(key, index, this.#frame(now.x), text ? lane.points[index].value : now.value));
    };
    const drop = () => {
      this.canvas.removeEventListener("pointermove", drag);
      this.canvas.removeEventListener("pointerup", drop);
      this.canvas.removeEventListener("pointercancel", drop);
    };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", drag);
    this.canvas.addEventListener("pointerup", drop);
    this.canvas.addEventListener("pointercancel", drop);
  }

  /** @param {MouseEvent} event */
  #insert(event) {
    event.stopPropagation();
    const { x, row, key, lane, value } = this.#at(event);
    if (!lane || typeof lane.start !== "number") return;
    this.#change(() => this.#choose(row, this.edit?.add(key, this.#frame(x), value) ?? -1));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.stopPropagation();
    event.preventDefault();
    this.#zoom(event.deltaY > 0 ? ZOOM : 1 / ZOOM, this.#frame(this.#at(event).x));
  }

  /** @param {number} factor @param {number} about a frame that stays where it is */
  #zoom(factor, about) {
    const whole = this.edit?.length ?? 1;
    const span = Math.min(whole, Math.max(4, (this.to - this.from) * factor));
    const share = (about - this.from) / (this.to - this.from);
    this.from = Math.max(0, Math.min(whole - span, about - share * span));
    this.to = this.from + span;
    this.draw();
  }

  /** @param {number} frames */
  #pan(frames) {
    const span = this.to - this.from;
    this.from = Math.max(0, Math.min((this.edit?.length ?? 1) - span, this.from + frames));
    this.to = this.from + span;
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const act = this.#actOf(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** @param {KeyboardEvent} event @returns {(() => void) | undefined} */
  #actOf({ key, shiftKey, ctrlKey, metaKey }) {
    const { edit } = this;
    const names = [...(edit?.lanes.keys() ?? [])];
    const name = names[this.lane];
    const lane = edit?.lanes.get(name);
    const point = lane?.points[this.index];
    if (!edit || !lane) return undefined;
    if (key.toLowerCase() === "z" && (ctrlKey || metaKey)) return () => this.#change(() => edit.undo());
    if (ctrlKey || metaKey) return undefined;
    if (key === "+" || key === "-") {
      return () => this.#zoom(key === "-" ? ZOOM : 1 / ZOOM, point?.frame ?? (this.from + this.to) / 2);
    }
    if ((key === "Delete" || key === "Backspace") && point) return () => this.#change(() => edit.remove(name, this.index));
    const [along, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key] ?? [0, 0];
    if (!along && !up) return undefined;
    if (shiftKey && point) {
      const step = typeof point.value === "number" ? up * (lane.high - lane.low) * NUDGE : 0;
      return () =>
        this.#change(() => {
          edit.begin();
          edit.move(name, this.index, point.frame + along, typeof point.value === "number" ? point.value + step : point.value);
        });
    }
    if (up) return () => this.#choose(Math.min(names.length - 1, Math.max(0, this.lane - up)), 0);
    return () => this.#choose(this.lane, Math.min(lane.points.length - 1, Math.max(0, this.index + along)));
  }

  /** @param {number} lane @param {number} index */
  #choose(lane, index) {
    [this.lane, this.index] = [lane, index];
    const key = [...(this.edit?.lanes.keys() ?? [])][lane];
    const point = this.edit?.point(key, index);
    if (point && (point.frame < this.from || point.frame >= this.to)) {
      this.#pan(point.frame - (this.from + this.to) / 2);
    }
    this.#tell();
    this.draw();
  }

  /** @param {() => void} change */
  #change(change) {
    change();
    this.#tell();
    this.draw();
  }

  #tell() {
    const key = [...(this.edit?.lanes.keys() ?? [])][this.lane];
    const point = this.edit?.point(key, this.index);
    if (!point || !this.edit) return;
    const value = typeof point.value === "number" ? Number(point.value.toPrecision(4)) : point.value;
    const seconds = (point.frame / this.edit.fps).toFixed(2);
    const moved = this.edit.modulator(key, this.index) ? " \u223f" : ""; // as on the widget
    this.#say(`${this.host.nameOf(key)}${moved} = ${value} · ${point.frame} (${seconds} s)`);
  }

  /** @param {"first" | "end"} what */
  #trim(what) {
    const key = [...(this.edit?.lanes.keys() ?? [])][this.lane];
    const point = this.edit?.point(key, this.index);
    if (point) this.#change(() => this.edit?.trim(what, point.frame));
  }

  async #save() {
    if (!this.edit) return;
    const { file, error } = await this.host.write(this.edit.body);
    if (error) return this.#say(error);
    this.host.onSaved(file);
    await this.load();
  }

  /** @param {string} text */
  #say(text) {
    this.line.textContent = this.line.title = text;
  }
}
