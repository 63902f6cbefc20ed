// @ts-check
/** A running session in figures: one short text a meter, explained when the pointer rests on it. */
import { element } from "./elements.mjs?v=0.3.0";
import { meters } from "./format.mjs?v=0.3.0";

export class MeterRow {
  constructor() {
    this.element = element("div", "livestyle-meters");
    /** @type {Map<string, HTMLElement>} */
    this.parts = new Map();
  }

  /** @param {any} state @param {any} telemetry */
  show(state, telemetry) {
    const shown = state.error ? [{ name: "error", text: state.error, title: state.error }] : meters(state, telemetry);
    const parts = shown.map(({ name, text, title }) => {
      const part = this.parts.get(name) ?? element("span", "livestyle-meter");
      this.parts.set(name, part);
      part.dataset.meter = name;
      if (part.textContent !== text) part.textContent = text;
      part.title = title;
      return part;
    });
    const same = parts.length === this.element.children.length && parts.every((part, i) => part === this.element.children[i]);
    if (!same) this.element.replaceChildren(...parts);
  }
}
