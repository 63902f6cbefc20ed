// @ts-check
/**
 * Sends a widget's new value to the running session that has it as a live value.
 *
 * A widget's callback tells of the user's changes at once; what other scripts or undo write
 * into a widget calls no callback, so while something is live the values are compared as well.
 * What others write, such as a controller, a widget follows.
 * Each instance of a subgraph has live values of its own.
 */
import { givingWidget, instancesOf, isLive } from "./graph.mjs?v=0.3.0";

const COMPARE_MS = 250;

export class LiveWidgets {
  /** @param {{idOf: (node: any, holders: any[]) => string, send: (key: string, value: unknown) => void,
   *           values: () => Map<string, unknown>, onChange?: (node: any, name: string) => void}} host */
  constructor(host) {
    this.host = host;
    /** @type {Set<any>} */
    this.nodes = new Set();
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
    /** Whether the value that a callback tells of is somebody else's. */
    this.following = false;
  }

  /** @param {any} node */
  watch(node) {
    this.nodes.add(node);
    for (const widget of node.widgets ?? []) {
      const original = widget.callback;
      widget.callback = (/** @type {any[]} */ ...values) => {
        const result = original?.apply(widget, values);
        if (!this.following) for (const holders of instancesOf(node)) this.#compare(node, widget, holders);
        return result;
      };
    }
  }

  /** @param {any} node */
  forget(node) {
    this.nodes.delete(node);
  }

  /** The sessions' live values changed; what a widget said before the session was ready is sent now. */
  refresh() {
    const live = this.host.values().size > 0;
    if (live && this.timer === undefined) this.timer = setInterval(() => this.compareAll(), COMPARE_MS);
    if (!live) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    this.compareAll();
  }

  compareAll() {
    for (const { node, widget, holders } of this.all()) this.#compare(node, widget, holders);
  }

  /** Set a widget as a hand does. @param {any} node @param {any} widget @param {any[]} holders @param {unknown} value */
  move(node, widget, holders, value) {
    const giving = givingWidget(node, widget, holders);
    if (!giving) return;
    show(node, giving, value);
    this.#compare(node, widget, holders);
  }

  /** Show what others wrote. @param {string} key @param {unknown} value
   * @returns {unknown} what the widget has made of it: numbers are rounded to its step */
  follow(key, value) {
    let said;
    for (const { key: own, node, widget, holders } of this.all()) {
      if (own !== key) continue;
      const giving = givingWidget(node, widget, holders);
      if (!giving || giving.value === value || typeof giving.value !== typeof value) continue;
      this.following = true;
      show(node, giving, value);
      this.following = false;
      said = giving.value;
    }
    return said;
  }

  /** Every widget in each of its instances. */
  *all() {
    for (const node of this.nodes)
      for (const holders of instancesOf(node))
        for (const widget of node.widgets ?? [])
          yield { key: `${this.host.idOf(node, holders)}.${widget.name}`, node, widget, holders };
  }

  /** What the live widgets in sight say now, by key; not what a connection gives. @returns {Record<string, unknown>} */
  said() {
    const live = [...this.all()].filter(({ node, widget }) => isLive(node, widget.name) && !widget.hidden);
    const said = live.map(({ key, node, widget, holders }) => [key, givingWidget(node, widget, holders)?.value]);
    return Object.fromEntries(said.filter(([, value]) => value !== undefined));
  }

  /** @param {any} node @param {any} widget @param {any[]} holders of the instance: see graph.mjs */
  #compare(node, widget, holders) {
    const key = `${this.host.idOf(node, holders)}.${widget.name}`;
    const values = this.host.values();
    if (!values.has(key)) return;
    const giving = givingWidget(node, widget, holders);
    if (!giving || giving.value === values.get(key)) return;
    this.host.send(key, giving.value);
    this.host.onChange?.(node, widget.name);
  }
}

/** Nodes 2.0 shows what a widget's callback told of. @param {any} node @param {any} widget @param {unknown} value */
function show(node, widget, value) {
  widget.value = value;
  widget.callback?.(value);
  node.graph?.setDirtyCanvas?.(true, false);
}
