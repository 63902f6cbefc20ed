// @ts-check
/**
 * One running session over its websocket: frames under credit, receipts, changes of live values,
 * and the pictures of this page's cameras.
 */
import { Captures } from "./captures.mjs?v=0.3.0";
import { Coalescer } from "./coalescer.mjs?v=0.3.0";
import { decodeFrame } from "./frames.mjs?v=0.3.0";
import { Latency } from "./latency.mjs?v=0.3.0";
import { PreviewQuality } from "./quality.mjs?v=0.3.0";
import { ServerClock } from "./server_clock.mjs?v=0.3.0";

const CREDIT = 2; // one frame on its way while another is decoded
const RETRY_MS = 1000;
const LOST = 1006; // the connection was lost; any other close code is the server's last word

/** @typedef {{result: ImageBitmap, source: ImageBitmap | undefined, header: any}} Shown a picture on screen */

/**
 * @typedef {object} SessionHost
 * @property {(path: string) => WebSocket} openSocket
 * @property {(session: LiveSession, picture: Shown) => void} onFrame its bitmaps are closed after the next one
 * @property {(session: LiveSession, message: any) => void} onMessage
 * @property {(key: string, value: unknown) => unknown} onFollow another page, a controller or a cross-fade set a
 *   value; gives what its widget shows of it
 * @property {(key: string, modulator: any) => void} onModulator others gave a number a modulator, or (null) a value
 * @property {(live: Map<string, unknown>, modulators: Record<string, any>) => void} onModulators those that it has
 * @property {(session: LiveSession) => void} onUnreachable the connection was lost, and again not to be had
 * @property {() => {shown: number, source: boolean, canvas: boolean}} sight what the views show: see quality.mjs
 * @property {(node: string) => any} captureView of a read node
 * @property {() => boolean} overWebRtc whether cameras go over WebRTC
 * @property {(session: LiveSession, node: string, sdp: string) => Promise<string>} signal the server's answer to an offer
 */

export class LiveSession {
  /** @param {any} detail the announcement: session, token, node, nodes, state, inlets @param {SessionHost} host */
  constructor(detail, host) {
    this.host = host;
    this.over = false;
    this.paused = false;
    this.held = false;
    this.sequence = 0;
    this.quality = new PreviewQuality();
    this.latency = new Latency();
    this.clock = new ServerClock((message) => this.send(message));
    /** Keys of which a change of ours is on its way, with its number; 0 before it is sent. @type {Map<string, number>} */
    this.unanswered = new Map();
    this.changes = new Coalescer((key, value) => {
      this.unanswered.set(key, ++this.sequence);
      this.send({ type: "set", key, value, seq: this.sequence });
    });
    this.captures = new Captures({
      send: (message) => this.send(message),
      toServer: (ms) => this.clock.toServer(ms),
      view: host.captureView,
      overWebRtc: host.overWebRtc,
      signal: (node, sdp) => host.signal(this, node, sdp),
    });
    /** @type {Shown | undefined} */
    this.shown = undefined;
    /** @type {any} */
    this.telemetry = undefined;
    /** @type {number[]} moments at which credit was given */
    this.granted = [];
    /** Live values that the session has. @type {Map<string, unknown>} */
    this.live = new Map();
    this.look = () => this.ask();
    document.addEventListener("visibilitychange", this.look);
    /** Whether the widgets are to show its values, not to give them. */
    this.follows = Boolean(detail.follow);
    this.update(detail);
    this.#connect();
    this.captures.begin(detail.inlets ?? {});
  }

  /** @param {any} detail a later announcement */
  update(detail) {
    this.id = detail.session;
    this.token = detail.token || this.token;
    this.node = detail.node;
    /** @type {Set<string>} */
    this.nodes = new Set(detail.nodes);
    this.recorders = detail.recorders ?? [];
    this.workflow = detail.workflow ?? "";
    this.background = Boolean(detail.background);
  }

  /** Change a live value; the latest wins. @param {string} key @param {unknown} value */
  set(key, value) {
    this.live.set(key, value);
    this.unanswered.set(key, 0);
    this.changes.push(key, value);
  }

  /** Have a modulator move a live number, or none. @param {string} key
   * @param {import("./modulation.mjs?v=0.3.0").Modulator | null} modulator */
  modulate(key, modulator) {
    this.send({ type: "modulate", key, modulator, seq: ++this.sequence });
  }

  /** Change several live values at once. @param {Record<string, unknown>} values @param {number} fade seconds of the stream */
  recall(values, fade) {
    const known = Object.entries(values).filter(([key]) => this.live.has(key));
    this.send({ type: "recall", values: Object.fromEntries(known), fade });
  }

  /** Whether a node writes a file now. @param {string} node */
  recording(node) {
    return this.telemetry?.targets?.[node]?.state === "recording";
  }

  /** Ask for the pictures that the views show now. */
  ask() {
    const wish = this.quality.wish({ ...this.host.sight(), hidden: document.hidden });
    if (wish) this.send(wish);
  }

  /** @param {object | ArrayBuffer} message */
  send(message) {
    if (this.socket?.readyState !== 1) return;
    this.socket.send(message instanceof ArrayBuffer ? message : JSON.stringify(message));
  }

  close() {
    this.over = true;
    document.removeEventListener("visibilitychange", this.look);
    this.captures.close();
    this.clock.stop();
    this.socket?.close();
    if (this.shown) close(this.shown);
  }

  #connect() {
    const path = `/livestyle/sessions/${this.id}/ws?token=${encodeURIComponent(this.token)}`;
    const socket = this.host.openSocket(path);
    let opened = false;
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      opened = true;
      this.quality.asked = "";
      this.clock.start();
      this.#grant(CREDIT);
      this.captures.connected();
    };
    socket.onmessage = (event) => {
      if (typeof event.data === "string") this.#message(JSON.parse(event.data));
      else this.#frame(event.data);
    };
    socket.onclose = (event) => {
      this.granted = [];
      this.clock.stop();
      if (this.over || event.code !== LOST) return;
      setTimeout(() => this.over || this.#connect(), RETRY_MS);
      if (!opened) this.host.onUnreachable(this);
    };
  }

  /** @param {any} message */
  #message(message) {
    if (message.type === "clock") return this.clock.heard(message);
    if (message.type === "want") return this.captures.want(message);
    if (message.type === "live") {
      this.live = new Map(Object.entries(message.values));
      this.unanswered.clear();
      for (const key of message.played ?? []) this.#show(key, message.values[key]); // a take's, not the widget's
      if (this.follows) this.tell();
    }
    if (message.key) this.#follow(message);
    if (message.type === "live") {
      const played = new Set(message.played);
      const others = [...this.live].filter(([key]) => !played.has(key)); // a take's are not to be ended by what a node keeps
      this.host.onModulators(new Map(others), message.modulators);
    }
    if (message.cues) this.held = message.cues.held;
    if (message.type === "state") this.paused = Boolean(message.paused);
    if (message.type === "telemetry") {
      message.glass_to_glass_ms = this.latency.summary();
      this.telemetry = message;
    }
    this.host.onMessage(this, message);
  }

  /** What others write is the value now, unless a change of ours is on its way: that one is later.
   * @param {any} receipt */
  #follow({ type, key, seq, value, fade, modulator }) {
    if (type === "received" && seq === undefined) this.host.onModulator(key, modulator ?? null);
    if (modulator !== undefined) return;
    const theirs = type === "gliding" || (type === "received" && seq === undefined && !fade);
    if (seq !== undefined && seq === this.unanswered.get(key)) this.unanswered.delete(key);
    else if (theirs && !this.unanswered.has(key)) this.#show(key, value);
  }

  /** Have the widgets show all values. */
  tell() {
    for (const [key, value] of this.live) this.#show(key, value);
  }

  /** @param {string} key @param {unknown} value that its widget shows from now on */
  #show(key, value) {
    this.live.set(key, value);
    this.live.set(key, this.host.onFollow(key, value) ?? value);
  }

  /** @param {ArrayBuffer} data */
  async #frame(data) {
    const { header, jpeg, source: other } = decodeFrame(data);
    const [result, source] = await Promise.all([bitmapOf(jpeg), other && bitmapOf(other)]);
    // A hidden page draws no frames; the server sends it one a second.
    if (document.hidden) this.#draw(result, source, header);
    else requestAnimationFrame(() => this.#draw(result, source, header));
  }

  /** @param {ImageBitmap | undefined} result @param {ImageBitmap | undefined} source
   * @param {import("./frames.mjs?v=0.3.0").FrameHeader} header */
  #draw(result, source, header) {
    if (this.over || !result) {
      close({ result, source });
    } else {
      const last = this.shown;
      this.shown = { result, source, header };
      this.host.onFrame(this, this.shown);
      if (last) close(last);
    }
    const since = this.granted.shift();
    if (!document.hidden) {
      this.latency.add(this.clock.since(header.born));
      if (since !== undefined) this.quality.drawn(performance.now() - since);
    }
    this.#grant(1);
  }

  /** @param {number} n frames that may come */
  #grant(n) {
    if (this.over) return;
    this.ask();
    for (let i = 0; i < n; i++) this.granted.push(performance.now());
    this.send({ type: "credit", n });
  }
}

/** @param {Uint8Array<ArrayBuffer>} jpeg @returns {Promise<ImageBitmap | undefined>} */
function bitmapOf(jpeg) {
  return createImageBitmap(new Blob([jpeg], { type: "image/jpeg" })).catch(() => undefined);
}

/** @param {{result?: ImageBitmap, source?: ImageBitmap}} picture */
function close({ result, source }) {
  result?.close();
  source?.close();
}
