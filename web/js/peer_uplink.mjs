// @ts-check
/**
 * Sends a camera's or screen's tracks to a read node over WebRTC: an uplink that needs no credit.
 */

const RETRY_MS = 1000;

export class PeerUplink {
  /**
   * @param {string} node the read node
   * @param {MediaStreamTrack[]} tracks a picture, and perhaps a sound
   * @param {{signal: (node: string, sdp: string) => Promise<string>, failed: (error: unknown) => void}} host
   *   ``signal`` gives the server's answer to an offer; ``failed`` hears why there is none
   * @param {() => RTCPeerConnection} [connect]
   */
  constructor(node, tracks, host, connect = () => new RTCPeerConnection()) {
    this.node = node;
    this.tracks = tracks;
    this.host = host;
    this.connect = connect;
    /** @type {RTCPeerConnection | undefined} */
    this.peer = undefined;
    this.over = false;
  }

  /** The websocket is (again) open: the session is there. */
  ready() {
    if (!this.peer && !this.over) this.#call();
  }

  want() {}

  pause() {}

  close() {
    this.over = true;
    this.#hangUp();
  }

  async #call() {
    const peer = this.connect();
    this.peer = peer;
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed" && peer === this.peer) this.#later();
    };
    try {
      for (const track of this.tracks) peer.addTransceiver(track, { direction: "sendonly" });
      await peer.setLocalDescription();
      const sdp = await this.host.signal(this.node, peer.localDescription?.sdp ?? "");
      if (peer === this.peer) await peer.setRemoteDescription({ type: "answer", sdp });
    } catch (error) {
      if (this.over) return;
      this.close();
      this.host.failed(error);
    }
  }

  /** The connection was lost: try again. */
  #later() {
    this.#hangUp();
    setTimeout(() => this.ready(), RETRY_MS);
  }

  #hangUp() {
    this.peer?.close();
    this.peer = undefined;
  }
}
