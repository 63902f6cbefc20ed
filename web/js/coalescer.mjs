// @ts-check
/**
 * Lets the first value of a key through at once and then the latest one every interval,
 * so that a dragged slider sends at most 60 a second and its last value always arrives.
 */
export class Coalescer {
  /**
   * @param {(key: string, value: unknown) => void} send
   * @param {number} [interval] milliseconds
   * @param {(run: () => void, ms: number) => unknown} [later]
   */
  constructor(send, interval = 1000 / 60, later = (run, ms) => setTimeout(run, ms)) {
    this.send = send;
    this.interval = interval;
    this.later = later;
    /** Keys sent less than an interval ago, and the value that waits for each, if one does.
     * @type {Map<string, {value: unknown} | null>} */
    this.waiting = new Map();
  }

  /** @param {string} key @param {unknown} value */
  push(key, value) {
    if (this.waiting.has(key)) {
      this.waiting.set(key, { value });
      return;
    }
    this.send(key, value);
    this.waiting.set(key, null);
    this.later(() => this.#next(key), this.interval);
  }

  /** @param {string} key */
  #next(key) {
    const held = this.waiting.get(key);
    this.waiting.delete(key);
    if (held) this.push(key, held.value);
  }
}
