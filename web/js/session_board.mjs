// @ts-check
/**
 * All sessions this page knows of, and the views on nodes that show them.
 */
import { LiveSession } from "./live_session.mjs?v=0.3.0";

export const OVER = new Set(["done", "failed", "cancelled"]);

/**
 * @typedef {object} View what a node shows; every method may be missing
 * @property {(state: any) => void} [showState]
 * @property {(cues: any) => void} [showCues] where the cue list stands
 * @property {(telemetry: any) => void} [showTelemetry]
 * @property {(receipt: any) => void} [showReceipt]
 * @property {(picture: import("./live_session.mjs?v=0.3.0").Shown) => void} [showFrame] may use it until the next one
 * @property {(file: any) => void} [showResult]
 * @property {(take: any) => void} [showTake] a file that was recorded while the stream goes on
 * @property {() => {shown: number, source: boolean}} [sight] longer side of its picture, in device
 *   pixels, and whether it shows the source too
 * @property {any} [capture] of a camera or screen
 */

export class SessionBoard {
  /** @param {{fetch: (path: string, options?: any) => Promise<Response>, openSocket: (path: string) => WebSocket,
   *           idOf: (node: any) => string, workflow: () => string, secret: string, client: () => string, overWebRtc: () => boolean,
   *           largest: () => number, inApp: () => boolean}} host ``secret`` went along with this page's prompts; no preview is
   *   asked for with a longer side than ``largest`` */
  constructor(host) {
    this.host = host;
    /** @type {Map<string, LiveSession>} */
    this.sessions = new Map();
    /** Ids of sessions whose end was told. @type {Set<string>} */
    this.ended = new Set();
    /** Views by the node they are on, with the ids of the nodes that they show. @type {Map<any, {view: View, ids: () => string[]}[]>} */
    this.views = new Map();
    /** Called when the live keys may have changed. */
    this.onLive = () => {};
    /** Called with what others wrote: see LiveSession. @type {(key: string, value: unknown) => unknown} */
    this.onFollow = () => undefined;
    /** @type {import("./live_session.mjs?v=0.3.0").SessionHost["onModulator"]} */
    this.onModulator = () => {};
    /** @type {import("./live_session.mjs?v=0.3.0").SessionHost["onModulators"]} */
    this.onModulators = () => {};
    /** Called when a session began or ended. */
    this.onSessions = () => {};
    /** While a graph is loaded its widgets are nobody's. */
    this.loading = false;
  }

  /** Those whose workflow the canvas shows: another one may have nodes with the same ids. @returns {LiveSession[]} */
  get playing() {
    return [...this.sessions.values()].filter((session) => this.#here(session));
  }

  /** @param {{workflow?: string}} session */
  #here({ workflow }) {
    return !this.loading && (!workflow || workflow === this.host.workflow());
  }

  /** All sessions that run on this ComfyUI, as it lists them. @returns {Promise<any[]>} */
  async list() {
    return (await this.#get("/livestyle/sessions"))?.sessions ?? [];
  }

  /** Whether something of this page plays in the background that no node on the canvas shows. */
  get away() {
    const hidden = (/** @type {LiveSession} */ session) => !this.#here(session) || !this.hasViews(session.node);
    return !this.loading && [...this.sessions.values()].some((session) => session.background && hidden(session));
  }

  /** @param {any} node @param {View} view @param {() => string[]} [ids] of the nodes that it shows */
  addView(node, view, ids = () => [this.host.idOf(node)]) {
    this.views.set(node, [...(this.views.get(node) ?? []), { view, ids }]);
  }

  /** @param {any} node */
  removeViews(node) {
    this.views.delete(node);
  }

  /** Find the sessions that this page started, also before it was reloaded. @param {string} [id] only this one */
  async attach(id) {
    for (const detail of await this.list()) {
      const wanted = id === undefined || id === detail.session;
      if (wanted && detail.token && !this.ended.has(detail.session)) this.announce(detail, id === undefined);
    }
  }

  /** A graph was loaded: its widgets show what plays in the background, not what was saved. */
  async settle() {
    this.loading = false;
    for (const session of this.playing) if (session.background) session.tell();
    await this.attach();
  }

  /** The event is no proof of whose session it is: the server gives the token to who has the secret.
   * @param {any} detail of a "livestyle.session" event */
  async hear(detail) {
    if (OVER.has(detail.state)) this.#finish(detail);
    else await this.attach(detail.session);
  }

  /** @param {any} detail of a session of this page @param {boolean} [found] whether it had begun before */
  announce(detail, found = false) {
    if (!found) this.loading = false; // its graph is there, also where the page could not load it whole
    if (OVER.has(detail.state)) {
      this.#finish(detail);
      return;
    }
    for (const other of this.sessions.values()) {
      const same = other.node === detail.node && other.workflow === (detail.workflow ?? "");
      if (same && other.id !== detail.session) this.#drop(other);
    }
    const known = this.sessions.get(detail.session);
    if (known) known.update(detail);
    else this.sessions.set(detail.session, this.#open({ ...detail, follow: found && detail.background }));
    if (this.#here(detail)) this.#show(detail.nodes, "showState", { stage: "", ...detail });
    this.onSessions();
  }

  /** All live values that running sessions have. @returns {Map<string, unknown>} */
  liveValues() {
    return new Map(this.playing.flatMap((session) => [...session.live]));
  }

  /** @param {string} key @param {unknown} value */
  set(key, value) {
    for (const session of this.playing) if (session.live.has(key)) session.set(key, value);
  }

  /** Have a modulator move a live number, or none. @param {string} key
   * @param {import("./modulation.mjs?v=0.3.0").Modulator | null} modulator */
  modulate(key, modulator) {
    for (const session of this.playing) if (session.live.has(key)) session.modulate(key, modulator);
  }

  /** What this page's microphone hears. @param {ArrayBuffer} message */
  hearSound(message) {
    for (const session of this.sessions.values()) session.send(message);
  }

  /** Change several live values at once. @param {Record<string, unknown>} values @param {number} fade seconds of the stream */
  recall(values, fade) {
    for (const session of this.playing) session.recall(values, fade);
  }

  /** Have the sessions know presets, for OSC and show control. @param {object} bank @returns {Promise<any[]>} answers, or {error} */
  givePresets(bank) {
    return Promise.all(this.playing.map((session) => this.#post(session, "presets", { bank })));
  }

  /** A file of presets as the server understands it. @param {unknown} bank @returns {Promise<any>} or {error} */
  async checkPresets(bank) {
    const answer = await this.host.fetch("/livestyle/presets", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-LiveStyle": "1", "X-LiveStyle-Client-Secret": this.host.secret },
      body: JSON.stringify(bank),
    });
    return answer.ok ? answer.json() : { error: await answer.text() };
  }

  /** End the source of a session. @param {{id: string, token: string}} session */
  end(session) {
    return this.#post(session, "stop");
  }

  /** End the source of the session that a node belongs to. @param {string} nodeId */
  async stop(nodeId) {
    await this.#command(nodeId, "stop");
  }

  /** Keep the picture that is shown now. @param {string} nodeId @returns {Promise<any>} {file} or {error} */
  snapshot(nodeId) {
    return this.#command(nodeId, "snapshot");
  }

  /** Begin or end a file while the stream goes on. @param {string} nodeId @param {boolean} on */
  record(nodeId, on) {
    this.sessionOf(nodeId)?.send({ type: "record", node: nodeId, on });
  }

  /** Have the stream stand still, or go on. @param {string} nodeId @param {boolean} on */
  pause(nodeId, on) {
    this.sessionOf(nodeId)?.send({ type: "pause", on });
  }

  /** Go on by one chunk, and stand still. @param {string} nodeId */
  step(nodeId) {
    this.sessionOf(nodeId)?.send({ type: "step" });
  }

  /** Have the cues of the session that a node belongs to go, go back or wait. @param {string} nodeId
   * @param {"go" | "back" | "hold"} action @param {boolean} [on] of hold @returns {Promise<any>} or {error} */
  cue(nodeId, action, on = true) {
    return this.#command(nodeId, "live", { action, on });
  }

  /** Whether a node has views of ours. @param {string} nodeId */
  hasViews(nodeId) {
    return this.#viewsOf([nodeId]).length > 0;
  }

  /** Have the pictures that the views show now, without waiting for the next frame. @param {string} nodeId */
  look(nodeId) {
    this.sessionOf(nodeId)?.ask();
  }

  /** The share link of a node's picture, for OBS. @param {string} nodeId @returns {Promise<string | undefined>} */
  async sharePath(nodeId) {
    const query = new URLSearchParams({ node: nodeId, client: this.host.client() });
    return (await this.#get(`/livestyle/watch?${query}`))?.path;
  }

  /** @param {any} detail */
  #open(detail) {
    return new LiveSession(detail, {
      openSocket: this.host.openSocket,
      sight: () => this.#sight(this.#here(detail) ? detail.nodes : []),
      overWebRtc: this.host.overWebRtc,
      signal: (session, node, sdp) => this.#signal(session, node, sdp),
      captureView: (node) => this.#viewsOf([node]).find((view) => view.capture)?.capture,
      onFrame: (session, picture) => this.#here(session) && this.#show(session.nodes, "showFrame", picture),
      onMessage: (session, message) => this.#here(session) && this.#message(session, message),
      onFollow: (key, value) => (this.#here(detail) ? this.onFollow(key, value) : undefined),
      onModulator: (key, modulator) => this.#here(detail) && this.onModulator(key, modulator),
      onModulators: (live, modulators) => this.#here(detail) && this.onModulators(live, modulators),
      onUnreachable: (session) => this.#dropIfGone(session),
    });
  }

  /** @param {LiveSession} session @param {any} message */
  #message(session, message) {
    if (message.cues) this.#show(session.nodes, "showCues", message.cues);
    if (message.type === "live") {
      this.onLive();
    } else if (message.type === "state") {
      this.#show(session.nodes, "showState", { recorders: session.recorders, background: session.background, ...message });
    } else if (message.type === "telemetry") {
      this.#show(session.nodes, "showTelemetry", message);
    } else if (message.type === "take") {
      this.#show([message.node], "showTake", message);
    } else if (message.key) {
      this.#show([message.key.slice(0, message.key.lastIndexOf("."))], "showReceipt", message);
    } else if (message.message) {
      this.#show([session.node], "showReceipt", message);
    }
  }

  /** @param {any} detail */
  #finish(detail) {
    this.ended.add(detail.session);
    this.sessions.get(detail.session)?.close();
    this.sessions.delete(detail.session);
    if (this.#here(detail)) {
      this.#show(detail.nodes, "showState", { stage: "", ...detail });
      for (const [id, file] of Object.entries(detail.files ?? {})) this.#show([id], "showResult", file);
    }
    this.onLive();
    this.onSessions();
  }

  /** A session of which nothing more will be heard: its server is gone, or its node runs another.
   * @param {LiveSession} session */
  #drop(session) {
    this.#finish({ session: session.id, nodes: [...session.nodes], workflow: session.workflow, state: "cancelled" });
  }

  /** A server that was started again knows nothing of the sessions before. @param {LiveSession} session */
  async #dropIfGone(session) {
    const answer = await this.#get("/livestyle/sessions").catch(() => undefined); // it may still be starting
    if (session.over || !answer) return;
    if (!answer.sessions.some((/** @type {any} */ detail) => detail.session === session.id)) this.#drop(session);
  }

  /** @param {Iterable<string>} ids @param {"showState" | "showCues" | "showTelemetry" | "showReceipt" | "showFrame" | "showResult" | "showTake"} method
   * @param {any} value */
  #show(ids, method, value) {
    for (const view of this.#viewsOf(ids)) view[method]?.(value);
  }

  /** @param {Iterable<string>} ids @returns {View[]} */
  #viewsOf(ids) {
    const wanted = new Set(ids);
    const shown = [...this.views.values()].flat().filter(({ ids }) => ids().some((id) => wanted.has(id)));
    return shown.map(({ view }) => view);
  }

  /** What all views of these nodes show together. @param {string[]} ids */
  #sight(ids) {
    const sights = this.#viewsOf(ids).flatMap((view) => view.sight?.() ?? []);
    return {
      shown: Math.min(this.host.largest(), Math.max(64, ...sights.map(({ shown }) => shown))),
      source: sights.some(({ source }) => source),
      canvas: sights.length > 0 && !this.host.inApp(),
    };
  }

  /** The running session that a node belongs to. @param {string} nodeId @returns {LiveSession | undefined} */
  sessionOf(nodeId) {
    return this.playing.find((session) => session.nodes.has(nodeId));
  }

  /** @param {string} path @returns {Promise<any>} undefined where the server refuses */
  async #get(path) {
    const answer = await this.host.fetch(path, {
      headers: { "X-LiveStyle": "1", "X-LiveStyle-Client-Secret": this.host.secret },
    });
    return answer.ok ? answer.json() : undefined;
  }

  /** @param {LiveSession} session @param {string} node @param {string} sdp an offer @returns {Promise<string>} */
  async #signal(session, node, sdp) {
    const answer = await this.#post(session, "webrtc", { node, sdp });
    if (answer.error) throw new Error(answer.error);
    return answer.sdp;
  }

  /** @param {string} nodeId @param {"stop" | "snapshot" | "live"} what @param {object} [facts] @returns {Promise<any>} or {error} */
  async #command(nodeId, what, facts) {
    const session = this.sessionOf(nodeId);
    return session && this.#post(session, what, facts);
  }

  /** @param {{id: string, token: string}} session @param {string} what @param {object} [facts] @returns {Promise<any>} or {error} */
  async #post(session, what, facts = {}) {
    const answer = await this.host.fetch(`/livestyle/sessions/${session.id}/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: session.token, ...facts }),
    });
    return answer.ok ? answer.json() : { error: await answer.text() };
  }
}
