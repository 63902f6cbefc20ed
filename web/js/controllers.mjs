// @ts-check
/**
 * MIDI controls and gamepads move widgets and fire actions, as the artist taught them. What moves a widget is
 * kept with its node, what fires an action with the graph.
 *
 * Soft take-over: a control moves its widget only once it has come to where the widget stands, so that nothing
 * jumps after a preset, another page or an OSC fader has moved it.
 */
import { t } from "./i18n.mjs?v=0.3.0";

/** @typedef {import("./midi.mjs?v=0.3.0").Gesture} Gesture */
/** @typedef {{node: any, widget: any, move: (value: number) => void}} Target a widget that may be live */

const NEAR = 2 / 127;
const LEARN_MS = 30_000;

/**
 * @typedef {object} ControllerHost
 * @property {() => Iterable<Target>} targets
 * @property {() => any} graph the root graph
 * @property {Record<string, () => void>} actions by name
 * @property {(index: number) => void} recall a preset
 * @property {(text: string, bad?: boolean) => void} say
 */

export class Controllers {
  /** @param {ControllerHost} host */
  constructor(host) {
    this.host = host;
    /** @type {((id: string) => void) | undefined} */
    this.learning = undefined;
    /** Where controls stand. @type {Map<string, number>} */
    this.stands = new Map();
    /** Where a control has left its widget. @type {WeakMap<any, number>} */
    this.left = new WeakMap();
  }

  /** What fires what: actions by a gesture's id. @returns {Record<string, string>} */
  get triggers() {
    return this.host.graph()?.extra?.livestyle_triggers ?? {};
  }

  /** @param {string} id @returns {boolean} whether a gesture means anything */
  isBound(id) {
    return id in this.triggers || this.#targets(id).length > 0;
  }

  /** @param {Gesture} gesture */
  hear({ id, value, preset }) {
    if (this.learning && preset === undefined) return this.learning(id);
    if (preset !== undefined) return this.host.recall(preset);
    if (value === undefined) return this.#fire(this.triggers[id]);
    for (const target of this.#targets(id)) this.#move(target, value, this.stands.get(id));
    this.stands.set(id, value);
  }

  /** Bind the next control that is moved to a widget. @param {any} node @param {string} name of the widget */
  learn(node, name) {
    this.#learn(name, (id) => {
      node.properties.livestyle_controls = { ...node.properties.livestyle_controls, [name]: id };
    });
  }

  /** Bind the next key or button to an action. @param {string} action @param {string} label */
  learnTrigger(action, label) {
    this.#learn(label, (id) => {
      const graph = this.host.graph();
      graph.extra = { ...graph.extra, livestyle_triggers: { ...this.triggers, [id]: action } };
    });
  }

  /** @param {string} label @param {(id: string) => void} keep */
  #learn(label, keep) {
    this.host.say(t("Move a MIDI control or a gamepad within 30 seconds: it will move {name}.", { name: label }));
    const late = setTimeout(() => {
      this.learning = undefined;
      this.host.say(t("No control was moved."), true);
    }, LEARN_MS);
    this.learning = (id) => {
      clearTimeout(late);
      this.learning = undefined;
      keep(id);
      this.host.say(t("{address} moves {name} now.", { address: id, name: label }));
    };
  }

  /** @param {string} id @returns {Target[]} */
  #targets(id) {
    return [...this.host.targets()].filter(({ node, widget }) => node.properties?.livestyle_controls?.[widget.name] === id);
  }

  /** @param {string | undefined} action */
  #fire(action) {
    const [name, number] = action?.split(" ") ?? [];
    if (name === "preset") this.host.recall(Number(number));
    else if (name) this.host.actions[name]?.();
  }

  /** @param {Target} target @param {number} value 0 to 1 @param {number | undefined} before where the control stood */
  #move({ widget, move }, value, before) {
    const { min = 0, max = 1, precision } = widget.options ?? {};
    const now = (widget.value - min) / (max - min || 1);
    const held = this.left.get(widget) === widget.value;
    const passed = before !== undefined && (before - now) * (value - now) <= 0;
    if (!held && !passed && Math.abs(value - now) > NEAR) return;
    const wanted = min + (max - min) * value;
    move(precision === 0 ? Math.round(wanted) : Number(wanted.toFixed(4)));
    this.left.set(widget, widget.value);
  }
}

/** The entries of a node's menu for its live widgets. @param {any} node @param {string[]} names
 * @param {Controllers} controllers */
export function controllerMenu(node, names, controllers) {
  const known = node.properties?.livestyle_controls ?? {};
  return names.map((name) =>
    known[name]
      ? { content: t("Forget {address} for {name}", { address: known[name], name }), callback: () => delete known[name] }
      : { content: t("Learn a MIDI control or gamepad for {name}", { name }), callback: () => controllers.learn(node, name) },
  );
}

/** The entries for what may be fired. @param {Controllers} controllers */
export function triggerMenu(controllers) {
  const names = {
    record: t("Start recording"),
    snapshot: t("Save this frame"),
    pause: t("Pause"),
    step: t("Step"),
    stop: t("Stop"),
    go: t("Go"),
    back: t("Back"),
    hold: t("Hold"),
  };
  return Object.entries(names).map(([action, label]) => ({
    content: t("Learn a MIDI key or button for {name}", { name: label }),
    callback: () => controllers.learnTrigger(action, label),
  }));
}
