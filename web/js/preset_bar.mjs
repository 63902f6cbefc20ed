// @ts-check
/** The presets as a row of buttons with their pictures, under a node's picture. */
import { button, element } from "./elements.mjs?v=0.3.0";
import { t } from "./i18n.mjs?v=0.3.0";

const LONGEST_FADE_S = 600;
/** A workflow comes from anywhere: nothing else is given to the page's style. */
const PICTURE = /^data:image\/(webp|jpeg);base64,[A-Za-z0-9+/=]{1,8400}$/;

export class PresetBar {
  /** @param {import("./presets.mjs?v=0.3.0").PresetBank} bank */
  constructor(bank) {
    this.bank = bank;
    this.element = element("div", "livestyle-bar livestyle-presets");
    this.fade = /** @type {HTMLInputElement} */ (element("input", "livestyle-fade"));
    Object.assign(this.fade, { type: "number", min: "0", max: String(LONGEST_FADE_S), step: "0.5", value: "0" });
    this.fade.title = t("Seconds of the stream in which a preset that is saved now fades in");
    this.plus = button("livestyle-preset-add", "+", "Save the present values as a preset", () => this.#add());
    /** Called with a preset that a MIDI key is to play. @type {(index: number, name: string) => void} */
    this.onLearn = () => {};
    /** What is seen now, small. @type {() => string | undefined} */
    this.picture = () => undefined;
    /** What else stands in the row. @type {HTMLElement[]} */
    this.more = [];
    /** Asks for a name. @type {(title: string, name: string) => Promise<string | null>} */
    this.ask = async () => null;
    this.show = () => this.#show();
    bank.watchers.add(this.show);
    this.#show();
  }

  dispose() {
    this.bank.watchers.delete(this.show);
  }

  #add() {
    this.bank.add(t("Preset {n}", { n: this.bank.list.length + 1 }), this.#seconds(), this.picture());
  }

  #seconds() {
    return Math.min(LONGEST_FADE_S, Math.max(0, Number(this.fade.value) || 0));
  }

  #show() {
    const presets = this.bank.list.map(({ name, picture }, index) => {
      const made = button("livestyle-preset", "", "", () => {});
      const number = element("span", "livestyle-number");
      number.textContent = String(index + 1);
      made.append(number);
      made.ariaLabel = `${index + 1} ${name}`;
      if (PICTURE.test(picture ?? "")) made.style.setProperty("--picture", `url("${picture}")`);
      made.title = `${name}\n${t("Click: play it. Shift: save the present values here. Alt: delete it. Ctrl: learn a MIDI key for it. Right-click: rename it.")}`;
      made.addEventListener("click", (event) => this.#press(event, index));
      made.addEventListener("contextmenu", (event) => this.#rename(event, index, name));
      return made;
    });
    this.element.replaceChildren(...presets, this.plus, this.fade, ...this.more);
  }

  /** @param {MouseEvent} event @param {number} index @param {string} name */
  async #rename(event, index, name) {
    event.preventDefault();
    event.stopPropagation();
    const given = (await this.ask(t("Rename preset {n}", { n: index + 1 }), name))?.trim();
    if (given) this.bank.rename(index, given);
  }

  /** @param {MouseEvent} event @param {number} index */
  #press({ shiftKey, altKey, ctrlKey }, index) {
    if (ctrlKey) this.onLearn(index, this.bank.list[index].name);
    else if (altKey) this.bank.remove(index);
    else if (shiftKey) this.bank.overwrite(index, this.#seconds(), this.picture());
    else this.bank.recall(index);
  }
}
