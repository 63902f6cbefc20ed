// @ts-check
/**
 * Presets, named sets of live values, and the cues that play them: saved with the workflow and passed around as
 * a file. The server says what such a file may hold, so that there is one check.
 */
import { t } from "./i18n.mjs?v=0.3.0";

const FORMAT = { format: "livestyle-presets", version: 2 };

const LONGEST_NAME = 50; // and room for a number

/** @typedef {{name: string, values: Record<string, unknown>, fade: number, references?: Record<string, string>, picture?: string}} Preset */
/** @typedef {{preset?: string, name?: string, values?: Record<string, unknown>, fade?: number, when: string, after?: number}} Cue */
/** @typedef {{tempo: number, beats: number, list: Cue[]}} Cues */

/**
 * @typedef {object} PresetHost
 * @property {() => any} graph the root graph, which keeps them
 * @property {() => Record<string, unknown>} values present values of all live widgets, by key
 * @property {() => Record<string, string>} references file names of the reference pictures now, by key
 * @property {(values: Record<string, unknown>, fade: number, references?: Record<string, string>) => void} recall
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

  /** @returns {Cues} */
  get cues() {
    const kept = this.host.graph()?.extra?.livestyle_cues;
    const list = Array.isArray(kept?.list) ? kept.list.filter((/** @type {unknown} */ cue) => cue && typeof cue === "object") : [];
    return { tempo: 120, beats: 4, ...kept, list };
  }

  get empty() {
    return !this.list.length && !this.cues.list.length;
  }

  /** What a file holds. */
  get file() {
    return { ...FORMAT, presets: this.list, cues: this.cues };
  }

  /** The same for sessions, which have no use for pictures. */
  get wire() {
    return { ...this.file, presets: this.list.map(({ picture, ...preset }) => preset) };
  }

  /** Keep the present values as a new preset. @param {string} name @param {number} fade seconds
   * @param {string} [picture] a data URL */
  add(name, fade, picture) {
    this.#keep([...this.list, this.#now(this.#unused(name), fade, picture)]);
  }

  /** Keep the present values in place of those that a preset has. @param {number} index @param {number} fade
   * @param {string} [picture] */
  overwrite(index, fade, picture) {
    this.#keep(this.list.with(index, this.#now(this.list[index].name, fade, picture)));
  }

  /** @param {number} index @param {string} given */
  rename(index, given) {
    const preset = this.list[index];
    if (given === preset.name) return;
    const name = this.#unused(given.slice(0, LONGEST_NAME));
    const list = this.cues.list.map((cue) => (cue.preset === preset.name ? { ...cue, preset: name } : cue));
    this.#keep(this.list.with(index, { ...preset, name }), { ...this.cues, list });
  }

  /** With the cues that play it. @param {number} index */
  remove(index) {
    const list = this.cues.list.filter(({ preset }) => preset !== this.list[index].name);
    this.#keep(this.list.toSpliced(index, 1), { ...this.cues, list });
  }

  /** @param {Partial<Cues>} change */
  changeCues(change) {
    this.#keep(this.list, { ...this.cues, ...change });
  }

  /** @param {number} index */
  recall(index) {
    const preset = this.list[index];
    if (preset) this.host.recall(preset.values, preset.fade, preset.references);
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
    const { presets, cues, error } = await this.host.check(bank);
    if (error) return this.host.say(error, true);
    this.#keep(presets, cues);
    this.host.say(t("Presets: {n}", { n: presets.length }));
  }

  /** Have running sessions know them, too, for OSC and show control. */
  share() {
    if (!this.empty) this.host.share(this.wire);
  }

  /** Have them go along with a prompt, on the nodes that write. @param {any} request the body of POST /prompt */
  sendAlong(request) {
    if (this.empty) return;
    for (const asked of Object.values(request.prompt ?? {}))
      if (asked.class_type === "FrameStreamIO" && Array.isArray(asked.inputs?.frames))
        asked._meta = { ...asked._meta, livestyle_presets: this.wire };
  }

  /** The graph was loaded: there may be others. */
  refresh() {
    for (const watch of this.watchers) watch();
  }

  /** @param {string} name @param {number} fade @param {string} [picture] @returns {Preset} of the present values */
  #now(name, fade, picture) {
    const references = this.host.references();
    const more = Object.keys(references).length ? { references } : {};
    return { name, values: this.host.values(), fade, ...more, ...(picture ? { picture } : {}) };
  }

  /** @param {Preset[]} presets @param {Cues} [cues] */
  #keep(presets, cues = this.cues) {
    const graph = this.host.graph();
    graph.extra = { ...graph.extra, livestyle_presets: presets, livestyle_cues: cues };
    this.host.share(this.wire);
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
    { content: t("Export presets"), disabled: bank.empty, callback: () => download(bank) },
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
