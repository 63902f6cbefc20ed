// @ts-check
/**
 * The server's clock as seen from this page, so that a moment there and a moment here can be compared.
 *
 * The answer that came back the fastest tells the most: it is off by half its way at most.
 */

const KEPT = 12;
const FIRST_ASKS = 5;
const EVERY_MS = 2000;

export class ServerClock {
  /**
   * @param {(message: object) => void} send
   * @param {() => number} [now] milliseconds on this page's clock
   */
  constructor(send, now = () => performance.now()) {
    this.send = send;
    this.now = now;
    /** @type {{way: number, offset: number}[]} */
    this.samples = [];
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
  }

  /** Ask a few times now, and now and then later. */
  start() {
    this.stop();
    for (let i = 0; i < FIRST_ASKS; i++) this.ask();
    this.timer = setInterval(() => this.ask(), EVERY_MS);
  }

  stop() {
    clearInterval(this.timer);
  }

  ask() {
    this.send({ type: "clock", at: this.now() });
  }

  /** @param {{at: number, now: number}} answer */
  heard(answer) {
    const way = this.now() - answer.at;
    this.samples.push({ way, offset: answer.now - (answer.at + way / 2) });
    if (this.samples.length > KEPT) this.samples.shift();
  }

  /** Server milliseconds less page milliseconds; undefined before the first answer.
   * @returns {number | undefined} */
  get offset() {
    if (!this.samples.length) return undefined;
    return this.samples.reduce((best, sample) => (sample.way < best.way ? sample : best)).offset;
  }

  /** A moment of this page on the server's clock. @param {number} ms @returns {number | undefined} */
  toServer(ms) {
    return this.offset === undefined ? undefined : ms + this.offset;
  }

  /** How long ago a moment of the server was. @param {number} ms @returns {number | undefined} */
  since(ms) {
    return this.offset === undefined ? undefined : this.now() + this.offset - ms;
  }
}
