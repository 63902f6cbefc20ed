// @ts-check
/**
 * The cameras and screens that a session wants of this page, each with its view on the read node.
 */
import { openStream, reasonOf } from "./camera.mjs?v=0.3.0";
import { makeGrabber, toJpeg } from "./frame_grabber.mjs?v=0.3.0";
import { PeerUplink } from "./peer_uplink.mjs?v=0.3.0";
import { sendSound } from "./sound_uplink.mjs?v=0.3.0";
import { Uplink } from "./uplink.mjs?v=0.3.0";

/** @typedef {import("./camera.mjs?v=0.3.0").CaptureKind} CaptureKind */
/** @typedef {{kind: CaptureKind, uplink?: Uplink | PeerUplink, stream?: MediaStream, quiet?: () => void}} Capture
 *   what is wanted, and what sends it; ``quiet`` ends its sound */

const ENDED = "The picture has ended: press Start on the read node.";
const SILENT = "The camera gives no picture at the moment.";

export class Captures {
  /**
   * @param {{send: (message: object | ArrayBuffer) => void, toServer: (ms: number) => number | undefined,
   *          view: (node: string) => any, overWebRtc: () => boolean,
   *          signal: (node: string, sdp: string) => Promise<string>}} host ``view`` gives the read node's
   *   capture view, ``signal`` the server's answer to a WebRTC offer
   */
  constructor(host) {
    this.host = host;
    /** @type {Map<string, Capture>} */
    this.wanted = new Map();
    this.over = false;
  }

  /** @param {Record<string, CaptureKind>} inlets kind by read node */
  begin(inlets) {
    for (const [node, kind] of Object.entries(inlets)) {
      if (this.wanted.has(node)) continue;
      this.wanted.set(node, { kind });
      this.#start(node);
    }
  }

  /** The websocket is open, perhaps again. */
  connected() {
    for (const { uplink } of this.wanted.values()) uplink?.ready();
  }

  /** @param {{node: string, n: number}} message */
  want({ node, n }) {
    this.wanted.get(node)?.uplink?.want(n);
  }

  close() {
    this.over = true;
    for (const [node, each] of this.wanted) {
      this.#release(each);
      this.host.view(node)?.showIdle();
    }
    this.wanted.clear();
  }

  /** @param {string} node */
  async #start(node) {
    const each = this.wanted.get(node);
    const view = this.host.view(node);
    if (!each || !view) return;
    const again = () => this.#start(node);
    this.#release(each);
    try {
      view.showText("Waiting for the browser's permission");
      const stream = await openStream(each.kind, view.device, view.microphone);
      if (this.over) return stopTracks(stream);
      each.stream = stream;
      const [track] = stream.getVideoTracks();
      const [sound] = stream.getAudioTracks();
      const video = await view.showStream(stream, again);
      if (this.host.overWebRtc()) {
        const failed = (/** @type {unknown} */ error) => view.showProblem(reasonOf(error), again);
        each.uplink = new PeerUplink(node, stream.getTracks(), { ...this.host, failed });
      } else {
        const quiet = sound && (await sendSound(node, sound, this.host));
        if (this.over) return void quiet?.();
        each.quiet = quiet;
        each.uplink = new Uplink(node, makeGrabber(track, video), { ...this.host, toJpeg }, Boolean(sound));
      }
      track.addEventListener("ended", () => this.#ended(node, each, again));
      track.addEventListener("mute", () => each.uplink?.pause(SILENT));
      each.uplink.ready();
    } catch (error) {
      view.showProblem(reasonOf(error), again);
    }
  }

  /** @param {string} node @param {Capture} each @param {() => void} again */
  #ended(node, each, again) {
    each.uplink?.close(ENDED);
    this.#release(each);
    this.host.view(node)?.showProblem(ENDED, again);
  }

  /** @param {Capture} each */
  #release(each) {
    each.uplink?.close();
    each.quiet?.();
    if (each.stream) stopTracks(each.stream);
    each.uplink = each.stream = each.quiet = undefined;
  }
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}
