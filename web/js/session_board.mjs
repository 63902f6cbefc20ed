// @ts-check
/**
 * All sessions this page knows of, and the views on nodes that show them.
 */
import { LiveSession } from "./live_session.mjs?v=0.1.0";

const OVER = new Set(["done", "failed", "cancelled"]);

/**
 * @typedef {object} View what a node shows; every method may be missing
 * @property {(state: any) => void} [showState]
 * @property {(telemetry: any) => void} [showTelemetry]
 * @property {(receipt: any) => void} [showReceipt]
 * @property {(bitmap: ImageBitmap, header: any) => void} [showFrame]
 * @property {(file: any) => void} [showResult]
 * @property {() => number} [shownSize] longer side of its picture, in device pixels
 */

export class SessionBoard {
  /** @param {{fetch: (path: string, options?: any) => Promise<Response>, openSocket: (path: string) => WebSocket,
   *           idOf: (node: any) => string, client: () => string}} host */
  constructor(host) {
    this.host = host;
    /** @type {Map<string, LiveSession>} */
    this.sessions = new Map();
    /** @type {Map<any, View>} */
    this.views = new Map();
    /** Called when the live keys may have changed. */
    this.onLive = () => {};
  }

  /** @param {any} node @param {View} view */
  addView(node, view) {
    this.views.set(node, view);
  }

  /** @param {any} node */
  removeView(node) {
    this.views.delete(node);
  }

  /** Find the sessions that this page started before it was reloaded. */
  async attach() {
    const path = `/livestyle/sessions?client=${encodeURIComponent(this.host.client())}`;
    const answer = await this.host.fetch(path, { headers: { "X-LiveStyle": "1" } });
    if (!answer.ok) return;
    for (const detail of (await answer.json()).sessions) this.announce(detail);
  }

  /** @param {any} detail of a "livestyle.session" event */
  announce(detail) {
    if (OVER.has(detail.state)) {
      this.#finish(detail);
      return;
    }
    const known = this.sessions.get(detail.session);
    if (known) known.update(detail);
    else this.sessions.set(detail.session, this.#open(detail));
    this.#show(detail.nodes, "showState", { stage: "", ...detail });
  }

  /** All live values that running sessions have. @returns {Map<string, unknown>} */
  liveValues() {
    return new Map([...this.sessions.values()].flatMap((session) => [...session.live]));
  }

  /** @param {string} key @param {unknown} value */
  set(key, value) {
    for (const session of this.sessions.values()) if (session.live.has(key)) session.set(key, value);
  }

  /** End the source of the session that a node belongs to. @param {string} nodeId */
  async stop(nodeId) {
    for (const session of this.sessions.values()) {
      if (!session.nodes.has(nodeId)) continue;
      await this.host.fetch(`/livestyle/sessions/${session.id}/stop`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ token: session.token }),
      });
    }
  }

  /** @param {any} detail */
  #open(detail) {
    return new LiveSession(detail, {
      openSocket: this.host.openSocket,
      shownSize: () => this.#shownSize(detail.nodes),
      onFrame: (/** @type {LiveSession} */ session, /** @type {ImageBitmap} */ bitmap, /** @type {any} */ header) =>
        this.#show(session.nodes, "showFrame", bitmap, header),
      onMessage: (/** @type {LiveSession} */ session, /** @type {any} */ message) => this.#message(session, message),
    });
  }

  /** @param {LiveSession} session @param {any} message */
  #message(session, message) {
    if (message.type === "live") {
      this.onLive();
    } else if (message.type === "state") {
      this.#show(session.nodes, "showState", message);
    } else if (message.type === "telemetry") {
      this.#show(session.nodes, "showTelemetry", message);
    } else if (message.key) {
      this.#show([message.key.slice(0, message.key.lastIndexOf("."))], "showReceipt", message);
    }
  }

  /** @param {any} detail */
  #finish(detail) {
    this.sessions.get(detail.session)?.close();
    this.sessions.delete(detail.session);
    this.#show(detail.nodes, "showState", { stage: "", ...detail });
    for (const [id, file] of Object.entries(detail.files ?? {})) this.#show([id], "showResult", file);
    this.onLive();
  }

  /** @param {Iterable<string>} ids @param {keyof View} method @param {any[]} values */
  #show(ids, method, ...values) {
    const wanted = new Set(ids);
    for (const [node, view] of this.views) {
      // @ts-ignore the methods differ in what they take
      if (wanted.has(this.host.idOf(node))) view[method]?.(...values);
    }
  }

  /** @param {string[]} ids */
  #shownSize(ids) {
    const wanted = new Set(ids);
    const sizes = [...this.views].map(([node, view]) => (wanted.has(this.host.idOf(node)) && view.shownSize?.()) || 0);
    return Math.max(64, ...sizes);
  }
}
