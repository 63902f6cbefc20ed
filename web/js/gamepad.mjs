// @ts-check
/** Gamepads as what a hand did; browsers tell of them only when asked, so they are asked once a frame. */

const STILL = 0.02; // sticks tremble

export class Gamepads {
  /** @param {{getGamepads: () => any[], onGesture: (gesture: import("./midi.mjs?v=0.3.0").Gesture) => void}} host */
  constructor(host) {
    this.host = host;
    /** Where everything stood. @type {Map<string, number>} */
    this.last = new Map();
  }

  /** Look once. */
  poll() {
    for (const pad of this.host.getGamepads()) {
      if (!pad) continue;
      pad.axes.forEach((/** @type {number} */ axis, /** @type {number} */ number) =>
        this.#changed(`pad/${pad.index + 1}/axis${number + 1}`, (axis + 1) / 2, STILL, (id, value) =>
          this.host.onGesture({ id, value }),
        ),
      );
      pad.buttons.forEach((/** @type {any} */ { pressed }, /** @type {number} */ number) =>
        this.#changed(`pad/${pad.index + 1}/button${number + 1}`, Number(pressed), 0, (id, value) => {
          if (value) this.host.onGesture({ id });
        }),
      );
    }
  }

  /** @param {string} id @param {number} value @param {number} least change @param {(id: string, value: number) => void} tell */
  #changed(id, value, least, tell) {
    const last = this.last.get(id);
    if (last !== undefined && Math.abs(value - last) <= least) return;
    this.last.set(id, value);
    if (last !== undefined) tell(id, value); // where it stands at first is no gesture
  }
}
