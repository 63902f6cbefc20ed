// @ts-check
/** Milliseconds from the camera to this screen, over the last pictures drawn. */

const KEPT = 90;

export class Latency {
  constructor() {
    /** @type {number[]} */
    this.samples = [];
  }

  /** @param {number | undefined} ms */
  add(ms) {
    if (ms === undefined || !(ms >= 0)) return;
    this.samples.push(ms);
    if (this.samples.length > KEPT) this.samples.shift();
  }

  /** @returns {{p50: number, p95: number} | undefined} */
  summary() {
    if (!this.samples.length) return undefined;
    const sorted = [...this.samples].sort((a, b) => a - b);
    const at = (/** @type {number} */ share) => sorted[Math.round(share * (sorted.length - 1))];
    return { p50: at(0.5), p95: at(0.95) };
  }
}
