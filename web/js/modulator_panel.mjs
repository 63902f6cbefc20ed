// @ts-check
/** On a node with live numbers: the line that says what became of a change, and an editor of what moves a number. */
import { button, element, labelled } from "./elements.mjs?v=0.3.0";
import { t } from "./i18n.mjs?v=0.3.0";
import { PICTURES, SOUNDS, Tap, WAVES } from "./modulation.mjs?v=0.3.0";

const LINE = 16;
const EDITOR = 118;
const TRACE = 240; // values that are drawn
/** What the units of a wave's rate are called. @type {Record<string, string>} */
const UNITS = { hz: "times a second", beats: "beats each" };
/** Whose sound. @type {Record<string, string>} */
const EARS = { source: "of the source", microphone: "of the microphone" };
const GROUPS = { Wave: WAVES, Sound: SOUNDS, Picture: PICTURES };

export class ModulatorPanel {
  /** @param {any} node @param {string[]} names of its live numbers @param {import("./status_line.mjs?v=0.3.0").StatusLine} status
   * @param {import("./modulation.mjs?v=0.3.0").Modulation} modulation */
  constructor(node, names, status, modulation) {
    this.node = node;
    this.names = names;
    this.modulation = modulation;
    this.taps = new Tap();
    /** @type {Map<string, number[]>} */
    this.traces = new Map();
    this.onResize = () => {};
    this.toggle = button("livestyle-modulate", "", "Have a number move by itself", () => this.#open(Boolean(this.editor.hidden)));
    this.toggle.setAttribute("aria-expanded", "false");
    const line = element("div", "livestyle-line");
    line.append(status.element, this.toggle);
    this.editor = element("div", "livestyle-modulator");
    this.editor.hidden = true;
    this.element = element("div", "livestyle-live");
    this.element.append(line, this.editor);
    this.on = input("checkbox", () => this.#change({ on: this.on.checked }));
    this.name = select([["", this.names]], () => this.#show());
    this.signal = select(Object.entries(GROUPS), () => this.#change({ signal: this.signal.value }));
    this.ear = select([["", Object.keys(EARS)]], () => this.#change({ ear: this.ear.value }));
    this.unit = select([["", Object.keys(UNITS)]], () => this.#change({ unit: /** @type {"hz" | "beats"} */ (this.unit.value) }));
    /** @type {Record<string, HTMLInputElement>} */
    this.numbers = {};
    for (const [name, min, max] of /** @type {[string, number?, number?][]} */ ([
      ["offset"], ["depth"], ["rate", 0.001, 1000], ["tempo", 20, 400], ["smoothing", 0, 5],
    ])) {
      const made = input("number", () => {
        const value = Math.min(Number(made.max || Infinity), Math.max(Number(made.min || -Infinity), Number(made.value)));
        this.#change({ [name]: value });
      });
      Object.assign(made, { step: "any", min: min ?? "", max: max ?? "" });
      this.numbers[name] = made;
    }
    const { offset, depth, rate, tempo, smoothing } = this.numbers;
    this.trace = /** @type {HTMLCanvasElement} */ (element("canvas", "livestyle-trace"));
    this.tap = button("livestyle-tap", "Tap", "Press in time: the tempo follows", () => {
      const beats = this.taps.tap(performance.now());
      if (beats !== undefined) this.#change({ tempo: beats, unit: "beats" });
    });
    this.editor.append(
      row(labelled("On", this.on), labelled("Number", this.name), labelled("moved by", this.signal), this.ear),
      row(labelled("around", offset), labelled("by", depth), labelled("smoothing (s)", smoothing)),
      (this.beat = row(labelled("rate", rate), this.unit, labelled("tempo", tempo), this.tap)),
      this.trace,
    );
    this.show = (/** @type {any} */ changed) => changed === node && this.#show();
    modulation.watchers.add(this.show);
  }

  get height() {
    return LINE + this.opened;
  }

  /** Height of the editor; 0 while it is closed. */
  get opened() {
    return this.editor.hidden ? 0 : EDITOR;
  }

  dispose() {
    this.modulation.watchers.delete(this.show);
  }

  /** @param {any} receipt */
  showReceipt({ type, key, value }) {
    const name = key?.split(".").at(-1);
    if (type !== "modulated" || !this.names.includes(name)) return;
    this.traces.set(name, [...(this.traces.get(name) ?? []), value].slice(-TRACE));
    if (!this.editor.hidden && name === this.name.value) this.#draw();
  }

  get #widget() {
    return this.node.widgets.find((/** @type {any} */ { name }) => name === this.name.value);
  }

  /** @param {boolean} open */
  #open(open) {
    this.editor.hidden = !open;
    this.toggle.setAttribute("aria-expanded", String(open));
    if (open) this.#show();
    this.onResize();
  }

  /** @param {object} change */
  #change(change) {
    this.modulation.change(this.node, this.#widget, change);
  }

  #show() {
    const widget = this.#widget;
    if (this.editor.hidden || !widget) return;
    const kept = this.modulation.of(this.node, widget);
    this.on.checked = kept.on;
    this.signal.value = kept.signal;
    this.unit.value = kept.unit;
    this.ear.value = kept.ear;
    this.ear.hidden = !SOUNDS.includes(kept.signal);
    for (const [name, made] of Object.entries(this.numbers)) {
      if (made !== document.activeElement) made.value = String(Number((/** @type {any} */ (kept))[name].toFixed(4)));
    }
    this.numbers.offset.min = widget.options?.min ?? "";
    this.numbers.offset.max = widget.options?.max ?? "";
    const waves = WAVES.includes(kept.signal);
    for (const made of this.beat.querySelectorAll("input, select, button")) /** @type {any} */ (made).disabled = !waves;
    this.#draw();
  }

  /** The latest values, over the widget's range or over what it had of an open one. */
  #draw() {
    const values = this.traces.get(this.name.value) ?? [];
    const { min, max } = this.#widget?.options ?? {};
    const bounded = max - min <= 1000;
    const [low, high] = bounded ? [min, max] : [Math.min(...values), Math.max(...values)];
    const [width, height] = [(this.trace.width = TRACE), (this.trace.height = 24)];
    const pen = this.trace.getContext("2d");
    if (!pen) return;
    pen.strokeStyle = getComputedStyle(this.trace).color;
    pen.beginPath();
    values.forEach((value, index) => {
      pen.lineTo(width - values.length + index, height - 1 - ((value - low) / (high - low || 1)) * (height - 2));
    });
    pen.stroke();
    this.trace.title = values.length ? `${this.name.value}: ${values.at(-1)?.toFixed(2)}` : "";
  }
}

/** @param {...HTMLElement} parts */
function row(...parts) {
  const made = element("div", "livestyle-bar");
  made.append(...parts);
  return made;
}

/** @param {string} type @param {() => void} onChange @returns {HTMLInputElement} */
function input(type, onChange) {
  const made = /** @type {HTMLInputElement} */ (element("input", "livestyle-input"));
  made.type = type;
  made.addEventListener("change", onChange);
  return made;
}

/** @param {[string, string[]][]} groups @param {() => void} onChange @returns {HTMLSelectElement} */
function select(groups, onChange) {
  const made = /** @type {HTMLSelectElement} */ (element("select", "livestyle-input"));
  for (const [group, names] of groups) {
    const options = names.map((name) => Object.assign(document.createElement("option"), { value: name, textContent: t(UNITS[name] ?? EARS[name] ?? name) }));
    if (!group) made.append(...options);
    else {
      const holder = /** @type {HTMLOptGroupElement} */ (element("optgroup", ""));
      holder.label = t(group);
      holder.append(...options);
      made.append(holder);
    }
  }
  made.addEventListener("change", onChange);
  return made;
}
