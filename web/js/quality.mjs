// @ts-check
/**
 * What to ask of the preview: as many pixels as the node shows, less where frames arrive slowly,
 * and one picture a second where nobody looks.
 */

const SIDES = [256, 384, 512, 768, 1024];
const QUALITIES = [45, 60, 80];
const SLOW_MS = 120;
const FAST_MS = 45;
const HIDDEN_FPS = 1;

/** @typedef {{shown: number, source: boolean, hidden: boolean, canvas: boolean}} Sight what a page shows of a session:
 *   longer side of the picture on screen in device pixels, whether the source is shown too,
 *   whether the page is out of sight, and whether the pictures are shown on the canvas */

export class PreviewQuality {
  constructor() {
    this.level = QUALITIES.length - 1;
    this.delay = 0;
    this.samples = 0;
    this.asked = "";
  }

  /** A frame took this long from credit to screen. @param {number} ms */
  drawn(ms) {
    this.delay = this.samples ? this.delay * 0.8 + ms * 0.2 : ms;
    this.samples += 1;
    if (this.samples < 15) return;
    if (this.delay > SLOW_MS && this.level > 0) this.#step(-1);
    else if (this.delay < FAST_MS && this.level < QUALITIES.length - 1) this.#step(1);
  }

  /** The message to send, or undefined where nothing changed. @param {Sight} sight */
  wish({ shown, source, hidden, canvas }) {
    const smaller = QUALITIES.length - 1 - this.level;
    const fitting = SIDES.findIndex((side) => side >= shown);
    const index = Math.max(0, (fitting < 0 ? SIDES.length - 1 : fitting) - smaller);
    const wish = {
      type: "preview",
      max_side: SIDES[index],
      quality: QUALITIES[this.level],
      source,
      fps: hidden ? HIDDEN_FPS : 0,
      canvas,
    };
    const text = JSON.stringify(wish);
    if (text === this.asked) return undefined;
    this.asked = text;
    return wish;
  }

  /** @param {number} direction */
  #step(direction) {
    this.level += direction;
    this.samples = 0;
  }
}
