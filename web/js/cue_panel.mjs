// @ts-check
/** Under the picture of a node that writes: which cue is now, which is next and in how long; and the list itself. */
import { button, element, labelled } from "./elements.mjs?v=0.3.0";
import { t } from "./i18n.mjs?v=0.3.0";
import { OVER } from "./session_board.mjs?v=0.3.0";

const LINE = 26;
const ROW = 26;
const MOST_ROWS = 6; // in sight; the others are scrolled to
const MOST_CUES = 99;
/** What a cue waits for. @type {Record<string, string>} */
const WHENS = { hand: "by hand", seconds: "after seconds", frames: "after frames", bars: "after bars", cut: "at the next cut" };

/** @typedef {import("./presets.mjs?v=0.3.0").Cue} Cue */

export class CuePanel {
  /** @param {import("./presets.mjs?v=0.3.0").PresetBank} bank @param {(action: "go" | "back" | "hold", on?: boolean) => void} act */
  constructor(bank, act) {
    this.bank = bank;
    /** Where the session's list stands; nothing while nothing plays. @type {any} */
    this.state = undefined;
    /** What is seen. */
    this.frame = 0;
    this.pts = 0;
    /** What the rows were made of, and the height that they were given. */
    this.shown = "";
    this.room = 0;
    this.onResize = () => {};
    this.back = button("livestyle-back", "Back", "Play the cue before again (Page Up).", () => act("back"));
    this.go = button("livestyle-go", "Go", "Play the next cue (Page Down).", () => act("go"));
    this.hold = button("livestyle-hold", "Hold", "Have cues wait that would go by themselves.", () => act("hold", !this.state?.held));
    this.now = element("span", "livestyle-cue-now");
    this.next = element("span", "livestyle-cue-next");
    this.line = element("div", "livestyle-bar livestyle-cue-line");
    this.line.append(this.back, this.go, this.hold, this.now, this.next);
    this.editor = element("div", "livestyle-cue-editor");
    this.editor.hidden = true;
    this.toggle = button("livestyle-cue-toggle", "Cues", "A list of presets that follow each other, by hand or by themselves.", () => {
      this.editor.hidden = !this.editor.hidden;
      this.toggle.ariaExpanded = String(!this.editor.hidden);
      this.#show();
    });
    this.toggle.ariaExpanded = "false";
    this.element = element("div", "livestyle-cues");
    this.element.append(this.line, this.editor);
    this.show = () => this.#show();
    bank.watchers.add(this.show);
    this.#show();
  }

  /** A saved graph has come, and with it the size of its nodes. */
  restore() {
    this.room = this.height;
    this.#show();
  }

  dispose() {
    this.bank.watchers.delete(this.show);
  }

  /** CSS pixels that it needs. */
  get height() {
    const { list } = this.bank.cues;
    const rows = this.editor.hidden ? 0 : Math.min(MOST_ROWS, list.length) + 1;
    return (list.length ? LINE : 0) + rows * ROW + (rows ? 8 : 0);
  }

  /** @param {any} cues as the session tells */
  showCues(cues) {
    this.state = cues;
    this.#tell();
  }

  /** @param {{state: string}} state */
  showState({ state }) {
    if (!OVER.has(state)) return;
    [this.state, this.frame, this.pts] = [undefined, 0, 0];
    this.#tell();
  }

  /** @param {{header: {frame: number, pts: number}}} picture */
  showFrame({ header }) {
    [this.frame, this.pts] = [header.frame, header.pts];
    if (this.state?.due) this.#tell();
  }

  /** Now and next. */
  #tell() {
    const { list } = this.bank.cues;
    const { now = -1, name = "", next = nameOf(list[0]), held = false } = this.state ?? {};
    this.hold.dataset.on = this.hold.ariaPressed = String(held);
    this.now.textContent = now < 0 ? "" : `${now + 1} ${name}`;
    this.next.textContent = next ? `\u2192 ${now + 2} ${next}${this.#wait()}` : t("That was the last cue.");
    this.next.title = this.next.textContent;
    for (const [index, row] of [...this.editor.querySelectorAll(".livestyle-cue")].entries())
      /** @type {HTMLElement} */ (row).dataset.cue = index === now ? "now" : index === now + 1 ? "next" : "";
  }

  /** How long the next one waits. */
  #wait() {
    const { when, due, held } = this.state ?? {};
    if (when === "hand" || when === "cut") return `, ${t(WHENS[when])}`;
    if (held) return `, ${t("held")}`;
    if (due?.frame !== undefined) return ` ${t("in {n} frames", { n: Math.max(0, due.frame - this.frame) })}`;
    if (due) return ` ${t("in {n} s", { n: Math.max(0, due.pts - this.pts).toFixed(1) })}`;
    return "";
  }

  #show() {
    const { list } = this.bank.cues;
    this.line.hidden = !list.length;
    const shown = this.#madeOf(this.bank.cues);
    if (shown !== this.shown) {
      const before = this.height !== this.room;
      this.shown = shown;
      const rows = element("div", "livestyle-cue-rows");
      rows.append(...list.map((cue, index) => this.#row(cue, index)));
      if (!this.editor.hidden) this.editor.replaceChildren(rows, this.#foot());
      this.room = this.height;
      if (before) this.onResize();
    }
    this.#tell();
  }

  /** What rows are made of. @param {import("./presets.mjs?v=0.3.0").Cues} cues */
  #madeOf(cues) {
    return JSON.stringify([this.editor.hidden, cues, this.bank.list.map(({ name }) => name)]);
  }

  /** Change a cue without making its row anew under the hand. @param {number} index @param {Partial<Cue>} change */
  #change(index, change) {
    const { list } = this.bank.cues;
    const cue = { ...list[index], ...change };
    if (change.fade !== undefined && Number.isNaN(change.fade)) delete cue.fade;
    if (cue.when === "hand" || cue.when === "cut") delete cue.after;
    else cue.after = cue.when === "frames" ? Math.round(cue.after ?? 24) : (cue.after ?? 4);
    const cues = { ...this.bank.cues, list: list.with(index, cue) };
    const remake = change.when !== undefined && change.when !== list[index].when;
    if (!remake) this.shown = this.#madeOf(cues);
    this.bank.changeCues(cues);
    if (remake) /** @type {HTMLElement} */ (this.editor.querySelectorAll(".livestyle-cue-when")[index])?.focus();
  }

  /** @param {Cue} cue @param {number} index */
  #row(cue, index) {
    const made = element("div", "livestyle-bar livestyle-cue");
    const own = cue.preset === undefined ? [["", nameOf(cue)]] : [];
    const presets = this.bank.list.map(({ name }, place) => [name, `${place + 1} ${name}`]);
    const preset = select("livestyle-cue-preset", t("Preset"), [...own, ...presets], cue.preset ?? "", (name) => {
      const { values, name: _, ...rest } = this.bank.cues.list[index];
      this.bank.changeCues({ list: this.bank.cues.list.with(index, { ...rest, preset: name }) });
    });
    const when = select("livestyle-cue-when", t("It goes"), Object.entries(WHENS).map(([key, text]) => [key, t(text)]), cue.when, (key) =>
      this.#change(index, { when: key }),
    );
    const after = number("livestyle-cue-after", t("How many behind the cue before"), cue.after, 1_000_000, (value) =>
      this.#change(index, { after: cue.when === "frames" ? Math.round(value) : value }),
    );
    after.style.visibility = cue.after === undefined ? "hidden" : ""; // its place stays: columns are columns
    const fade = number("livestyle-cue-fade", t("Seconds in which it fades in; empty: those of the preset"), cue.fade, 600, (value) =>
      this.#change(index, { fade: value }),
    );
    fade.placeholder = `${this.bank.list.find(({ name }) => name === cue.preset)?.fade ?? 0} s`;
    const up = button("livestyle-cue-up", "", "One place up", () => {
      const list = [...this.bank.cues.list];
      list.splice(index - 1, 0, ...list.splice(index, 1));
      this.bank.changeCues({ list });
    });
    up.disabled = index === 0;
    const remove = button("livestyle-cue-remove", "", "Take this cue out of the list", () =>
      this.bank.changeCues({ list: this.bank.cues.list.toSpliced(index, 1) }),
    );
    const place = element("span", "livestyle-cue-number");
    place.textContent = String(index + 1);
    made.append(place, preset, when, after, fade, up, remove);
    return made;
  }

  /** What belongs to the whole list. */
  #foot() {
    const made = element("div", "livestyle-bar");
    const { tempo, beats, list } = this.bank.cues;
    const plus = button("livestyle-cue-add", "Add a cue", "Of the preset behind the last one's", () => {
      const presets = this.bank.list;
      const last = presets.findIndex(({ name }) => name === list.at(-1)?.preset);
      this.bank.changeCues({ list: [...list, { preset: presets[(last + 1) % presets.length].name, when: "hand" }] });
    });
    plus.disabled = !this.bank.list.length || list.length >= MOST_CUES;
    made.append(plus);
    if (list.some(({ when }) => when === "bars")) {
      const clamp = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.min(high, Math.max(low, value || low));
      made.append(
        labelled("tempo", number("livestyle-cue-tempo", "", tempo, 400, (value) => this.bank.changeCues({ tempo: clamp(value, 20, 400) }))),
        labelled("beats in a bar", number("livestyle-cue-beats", "", beats, 32, (value) => this.bank.changeCues({ beats: clamp(Math.round(value), 1, 32) }))),
      );
    }
    return made;
  }
}

/** @param {Cue | undefined} cue */
function nameOf(cue) {
  return cue?.preset ?? cue?.name ?? "";
}

/** @param {string} className @param {string} title @param {number | undefined} value @param {number} max
 * @param {(value: number) => void} onChange @returns {HTMLInputElement} */
function number(className, title, value, max, onChange) {
  const made = /** @type {HTMLInputElement} */ (element("input", `livestyle-input ${className}`));
  Object.assign(made, { type: "number", min: "0", max: String(max), step: "any", value: value === undefined ? "" : String(value), title });
  made.addEventListener("change", () => {
    if (!made.value) return onChange(NaN);
    const within = Math.min(max, Math.max(0, Number(made.value)));
    made.value = String(within);
    onChange(within);
  });
  return made;
}

/** @param {string} className @param {string} title @param {string[][]} options value and text @param {string} value
 * @param {(value: string) => void} onChange @returns {HTMLSelectElement} */
function select(className, title, options, value, onChange) {
  const made = /** @type {HTMLSelectElement} */ (element("select", `livestyle-input ${className}`));
  made.append(...options.map(([value, textContent]) => Object.assign(document.createElement("option"), { value, textContent })));
  Object.assign(made, { value, title });
  made.addEventListener("change", () => onChange(made.value));
  return made;
}
