// @ts-check
/**
 * One running session over its websocket: frames under credit, receipts, changes of live values.
 */
import { Coalescer } from "./coalescer.mjs?v=0.1.0";
import { decodeFrame } from "./frames.mjs?v=0.1.0";
import { PreviewQuality } from "./quality.mjs?v=0.1.0";

const CREDIT = 2; // one frame on its way while another is decoded
const HIDDEN_MS = 1000;
const RETRY_MS = 1000;

export class LiveSession {
  /**
   * @param {any} detail the announcement: session, token, node, nodes, state
   * @param {{openSocket: (path: string) => WebSocket, onFrame: Function, onMessage: Function, shownSize: () => number}} host
   */
  constructor(detail, host) {
    this.host = host;
    this.over = false;
    this.sequence = 0;
    this.quality = new PreviewQuality();
    this.changes = new Coalescer((key, value) => this.#send({ type: "set", key, value, seq: ++this.sequence }));
    /** @type {number[]} moments at which credit was given */
    this.granted = [];
    /** Live values that the session has. @type {Map<string, unknown>} */
    this.live = new Map();
    this.update(detail);
    this.#connect();
  }

  /** @param {any} detail a later announcement */
  update(detail) {
    this.id = detail.session;
    this.token = detail.token || this.token;
    this.node = detail.node;
    this.nodes = new Set(detail.nodes);
  }

  /** Change a live value; the latest wins. @param {string} key @param {unknown} value */
  set(key, value) {
    this.live.set(key, value);
    this.changes.push(key, value);
  }

  close() {
    this.over = true;
    this.socket?.close();
  }

  #connect() {
    const path = `/livestyle/sessions/${this.id}/ws?token=${encodeURIComponent(this.token)}`;
    const socket = this.host.openSocket(path);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#grant(CREDIT);
    socket.onmessage = (event) => {
      if (typeof event.data === "string") this.#message(JSON.parse(event.data));
      else this.#frame(event.data);
    };
    socket.onclose = (event) => {
      this.granted = [];
      // 1006 is a lost connection; anything else is the server's last word.
      if (!this.over && event.code === 1006) setTimeout(() => this.over || this.#connect(), RETRY_MS);
    };
  }

  /** @param {any} message */
  #message(message) {
    if (message.type === "live") this.live = new Map(Object.entries(message.values));
    this.host.onMessage(this, message);
  }

  /** @param {ArrayBuffer} data */
  async #frame(data) {
    const { header, jpeg } = decodeFrame(data);
    const bitmap = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" })).catch(() => undefined);
    const draw = () => {
      if (bitmap && !this.over) this.host.onFrame(this, bitmap, header);
      bitmap?.close();
      const since = this.granted.shift();
      if (since !== undefined && !document.hidden) this.quality.drawn(performance.now() - since);
      this.#grant(1);
    };
    if (document.hidden) setTimeout(draw, HIDDEN_MS);
    else requestAnimationFrame(draw);
  }

  /** @param {number} n frames that may come */
  #grant(n) {
    if (this.over) return;
    const wish = this.quality.wish(this.host.shownSize());
    if (wish) this.#send(wish);
    for (let i = 0; i < n; i++) this.granted.push(performance.now());
    this.#send({ type: "credit", n });
  }

  /** @param {object} message */
  #send(message) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }
}
