// @ts-check
/** Shows the picture of this page's own address over WebRTC, with its sound: OBS plays it at once, browsers after a click. */

const RETRY_MS = 2000;

const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
const text = /** @type {HTMLElement} */ (document.querySelector("p"));

/** A page that nobody has clicked may only play silently. */
async function play() {
  video.muted = false;
  try {
    await video.play();
  } catch {
    video.muted = true;
    await video.play().catch(() => {});
  }
}

addEventListener("click", play);

async function connect() {
  const peer = new RTCPeerConnection();
  // ComfyUI may be restarted while this page is open: ask again until it is back.
  const retry = (/** @type {string} */ reason) => {
    peer.close();
    text.textContent = reason;
    setTimeout(connect, RETRY_MS);
  };
  const stream = new MediaStream();
  peer.ontrack = ({ track }) => {
    stream.addTrack(track);
    if (track.kind !== "video") return;
    video.srcObject = stream;
    text.textContent = "";
    play();
  };
  peer.onconnectionstatechange = () => {
    if (peer.connectionState === "failed") retry("Connecting");
  };
  try {
    for (const kind of ["video", "audio"]) peer.addTransceiver(kind, { direction: "recvonly" });
    await peer.setLocalDescription();
    const answer = await fetch(location.href, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sdp: peer.localDescription?.sdp }),
    });
    if (!answer.ok) return retry(await answer.text());
    await peer.setRemoteDescription({ type: "answer", sdp: (await answer.json()).sdp });
  } catch (error) {
    retry(String(error));
  }
}

connect();
