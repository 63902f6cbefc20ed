// @ts-check
/** Shows the picture of this page's own address over WebRTC. */

const RETRY_MS = 2000;

const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
const text = /** @type {HTMLElement} */ (document.querySelector("p"));

async function connect() {
  const peer = new RTCPeerConnection();
  // ComfyUI may be restarted while this page is open: ask again until it is back.
  const retry = (/** @type {string} */ reason) => {
    peer.close();
    text.textContent = reason;
    setTimeout(connect, RETRY_MS);
  };
  peer.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
    text.textContent = "";
  };
  peer.onconnectionstatechange = () => {
    if (peer.connectionState === "failed") retry("Connecting");
  };
  try {
    peer.addTransceiver("video", { direction: "recvonly" });
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
