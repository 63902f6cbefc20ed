// @ts-check
/**
 * Presets: named sets of live values, saved with the workflow and passed around as a file. The server says
 * what such a file may hold, so that there is one check.
 */
import { t } from "./i18n.mjs?v=0.3.0";

const FORMAT = { format: "livestyle-presets", version: 1 };

const LONGEST_NAME = 50; // and room for a number

/** @typedef {{name: string, values: Record<string, unknown>, fade: number}} Preset */

/**
 * @typedef {object} PresetHost
 * @property {() => any} graph the root graph, which keeps them
 * @property {() => Record<string, unknown>} values present values of all live widgets, by key
 * @property {(values: Record<string, unknown>, fade: number) => void} recall
 * @property {(bank: object) => void} share with the running sessions
 * @property {(bank: unknown) => Promise<any>} check gives the file as the server understands it, or {error}
 * @property {(text: string, bad?: boolean) => void} say
 */

export class PresetBank {
  /** @param {PresetHost} host */
  constructor(host) {
    this.host = host;
    /** Called when there are others than before. @type {Set<() => void>} */
    this.watchers = new Set();
  }

  /** @returns {Preset[]} */
  get list() {
    const kept = this.host.graph()?.extra?.livestyle_presets;
    return Array.isArray(kept) ? kept : [];
  }

  /** What a file holds. */
  get file() {
    return { ...FORMAT, presets: this.list };
  }

  /** Keep the present values as a new preset. @param {string} name @param {number} fade seconds */
  add(name, fade) {
    this.#keep([...this.list, { name: this.#unused(name), values: this.host.values(), fade }]);
  }

  /** Keep the present values in place of those that a preset has. @param {number} index @param {number} fade */
  overwrite(index, fade) {
    this.#keep(this.list.with(index, { name: this.list[index].name, values: this.host.values(), fade }));
  }

  /** @param {number} index @param {string} name */
  rename(index, name) {
    const preset = this.list[index];
    if (name !== preset.name) this.#keep(this.list.with(index, { ...preset, name: this.#unused(name.slice(0, LONGEST_NAME)) }));
  }

  /** @param {number} index */
  remove(index) {
    this.#keep(this.list.toSpliced(index, 1));
  }

  /** @param {number} index */
  recall(index) {
    const preset = this.list[index];
    if (preset) this.host.recall(preset.values, preset.fade);
    else this.host.say(t("There is no preset {n}.", { n: index + 1 }));
  }

  /** Take the presets of a file in place of these. @param {string} text JSON */
  async load(text) {
    let bank;
    try {
      bank = JSON.parse(text);
    } catch {
      return this.host.say(t("The file is not JSON."), true);
    }
    const { presets, error } = await this.host.check(bank);
    if (error) return this.host.say(error, true);
    this.#keep(presets);
    this.host.say(t("Presets: {n}", { n: presets.length }));
  }

  /** Have running sessions know them, too, for OSC and show control. */
  share() {
    if (this.list.length) this.host.share(this.file);
  }

  /** The graph was loaded: there may be others. */
  refresh() {
    for (const watch of this.watchers) watch();
  }

  /** @param {Preset[]} presets */
  #keep(presets) {
    const graph = this.host.graph();
    graph.extra = { ...graph.extra, livestyle_presets: presets };
    this.host.share(this.file);
    this.refresh();
  }

  /** @param {string} name */
  #unused(name) {
    const names = new Set(this.list.map((preset) => preset.name));
    for (let n = 2, first = name; names.has(name); n++) name = `${first} ${n}`;
    return name;
  }
}

/** The entries of a node's menu. @param {PresetBank} bank */
export function presetMenu(bank) {
  return [
    { content: t("Export presets"), disabled: !bank.list.length, callback: () => download(bank) },
    { content: t("Import presets"), callback: () => upload(bank) },
  ];
}

/** @param {PresetBank} bank */
function download(bank) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(bank.file, null, 2)], { type: "application/json" }));
  link.download = "presets.livestyle.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

/** @param {PresetBank} bank */
function upload(bank) {
  const input = document.createElement("input");
  Object.assign(input, { type: "file", accept: ".json,application/json" });
  input.addEventListener("change", async () => input.files?.[0] && bank.load(await input.files[0].text()));
  input.click();
}
