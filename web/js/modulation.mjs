// @ts-check
/**
 * Numbers that move by themselves: what moves them is kept with their node, goes along with every prompt, and
 * can be changed while it plays. Whoever sets such a number by hand, or by a preset, has it.
 */

/**
 * @typedef {object} Modulator as the server knows it: offset + depth * signal
 * @property {string} signal @property {number} offset @property {number} depth @property {number} rate
 * @property {"hz" | "beats"} unit @property {number} tempo @property {number} smoothing @property {string} ear
 */
/** @typedef {Modulator & {on: boolean}} Kept what a node keeps for a widget */

export const WAVES = ["sine", "triangle", "square", "random"];
export const SOUNDS = ["level", "low", "mid", "high", "onset"];
export const PICTURES = ["motion", "brightness", "cut"];

const TAPS = 8;
const PAUSE_MS = 3000;

/**
 * @typedef {object} ModulationHost
 * @property {() => Iterable<{key: string, node: any, widget: any}>} widgets that may be live
 * @property {(key: string, modulator: Modulator | null) => void} send to the running sessions that have the key
 */

export class Modulation {
  /** @param {ModulationHost} host */
  constructor(host) {
    this.host = host;
    /** Called when a node's modulators have changed. @type {Set<(node: any) => void>} */
    this.watchers = new Set();
  }

  /** What a widget has, or what it begins with. @param {any} node @param {any} widget @returns {Kept} */
  of(node, widget) {
    const { min = 0, max = 1 } = widget.options ?? {};
    const depth = max - min > 1000 ? 1 : (max - min) / 4;
    const first = { on: false, signal: "sine", offset: widget.value, depth, rate: 0.25, unit: "hz", tempo: 120 };
    return { ...first, smoothing: 0, ear: "source", ...node.properties?.livestyle_modulators?.[widget.name] };
  }

  /** @param {any} node @param {any} widget @param {Partial<Kept>} change */
  change(node, widget, change) {
    const before = this.of(node, widget);
    const kept = { ...before, ...change };
    this.#keep(node, widget.name, kept);
    if (!kept.on && !before.on) return;
    for (const { key } of this.#instances(node, widget.name)) this.host.send(key, kept.on ? wire(kept) : null);
  }

  /** Somebody has set the number, or has taken its modulator away. @param {string} key */
  taken(key) {
    for (const { key: own, node, widget } of this.host.widgets())
      if (own === key && isOn(node, widget.name)) this.#keep(node, widget.name, { ...this.of(node, widget), on: false });
  }

  /** Somebody else has given the number a modulator. @param {string} key @param {Modulator} modulator */
  given(key, modulator) {
    for (const { key: own, node, widget } of this.host.widgets())
      if (own === key) this.#keep(node, widget.name, { ...modulator, on: true });
  }

  /** A session has said which modulators it has: it gets what was changed before it was ready.
   * @param {Map<string, unknown>} live values @param {Record<string, Modulator>} modulators */
  meet(live, modulators) {
    for (const { key, node, widget } of this.host.widgets()) {
      if (!live.has(key)) continue;
      const wanted = isOn(node, widget.name) ? wire(this.of(node, widget)) : null;
      if (JSON.stringify(wanted) !== JSON.stringify(modulators[key] ? wire(modulators[key]) : null)) this.host.send(key, wanted);
    }
  }

  /** Whether one of them listens to this page's microphone. @param {Map<string, unknown>} live values of what plays */
  needsMicrophone(live) {
    return [...this.host.widgets()].some(({ key, node, widget }) => {
      if (!live.has(key) || !isOn(node, widget.name)) return false;
      const { signal, ear } = this.of(node, widget);
      return ear === "microphone" && SOUNDS.includes(signal);
    });
  }

  /** Have them go along with a prompt. @param {any} request the body of POST /prompt */
  sendAlong(request) {
    for (const { key, node, widget } of this.host.widgets()) {
      const asked = request.prompt?.[key.slice(0, key.lastIndexOf("."))];
      if (!asked || !isOn(node, widget.name)) continue;
      const known = asked._meta?.livestyle_modulators;
      asked._meta = { ...asked._meta, livestyle_modulators: { ...known, [widget.name]: wire(this.of(node, widget)) } };
    }
  }

  /** @param {any} node @param {string} name */
  *#instances(node, name) {
    for (const each of this.host.widgets()) if (each.node === node && each.widget.name === name) yield each;
  }

  /** @param {any} node @param {string} name @param {Kept} kept */
  #keep(node, name, kept) {
    node.properties.livestyle_modulators = { ...node.properties.livestyle_modulators, [name]: kept };
    for (const watch of this.watchers) watch(node);
  }
}

/** Whether a modulator moves a widget. @param {any} node @param {string} name @returns {boolean} */
export function isOn(node, name) {
  return Boolean(node.properties?.livestyle_modulators?.[name]?.on);
}

/** @param {Modulator} kept @returns {Modulator} the server's part, in one order */
function wire({ signal, offset, depth, rate, unit, tempo, smoothing, ear }) {
  return { signal, offset, depth, rate, unit, tempo, smoothing, ear };
}

/** Tells the tempo from the moments at which a key is tapped. */
export class Tap {
  constructor() {
    /** @type {number[]} */
    this.moments = [];
  }

  /** @param {number} now milliseconds @returns {number | undefined} beats a minute, from the second tap on */
  tap(now) {
    if (now - (this.moments.at(-1) ?? now) > PAUSE_MS) this.moments = [];
    this.moments = [...this.moments, now].slice(-TAPS);
    const [first] = this.moments;
    if (this.moments.length < 2) return undefined;
    const beats = (60_000 * (this.moments.length - 1)) / (now - first);
    return Math.round(Math.min(400, Math.max(20, beats)) * 10) / 10;
  }
}
