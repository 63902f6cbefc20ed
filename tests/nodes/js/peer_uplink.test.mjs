import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerUplink } from "../../../web/js/peer_uplink.mjs?v=0.3.0";

const settle = () => new Promise((done) => setTimeout(done, 5));

/** An uplink whose connections are kept, and what it asked and said. */
function makeUplink(signal = async () => "answer") {
  const peers = [];
  const failures = [];
  const connect = () => {
    const peer = {
      connectionState: "new",
      localDescription: { sdp: "offer" },
      addTransceiver: (track, options) => (peer.track = [track, options.direction]),
      setLocalDescription: async () => {},
      setRemoteDescription: async (description) => (peer.remote = description),
      close: () => (peer.closed = true),
    };
    peers.push(peer);
    return peer;
  };
  const uplink = new PeerUplink("1", ["track"], { signal, failed: (error) => failures.push(error.message) }, connect);
  return { uplink, peers, failures };
}

test("the track is offered once, and the answer taken", async () => {
  const asked = [];
  const { uplink, peers } = makeUplink(async (node, sdp) => asked.push([node, sdp]) && "answer");
  uplink.ready();
  uplink.ready();
  await settle();
  assert.equal(peers.length, 1);
  assert.deepEqual(peers[0].track, ["track", "sendonly"]);
  assert.deepEqual(asked, [["1", "offer"]]);
  assert.deepEqual(peers[0].remote, { type: "answer", sdp: "answer" });
  uplink.close();
  assert.ok(peers[0].closed);
});

test("why there is no answer is told, and it is not tried again", async () => {
  const { uplink, peers, failures } = makeUplink(async () => {
    throw new Error("pip install aiortc");
  });
  uplink.ready();
  await settle();
  uplink.ready();
  assert.deepEqual(failures, ["pip install aiortc"]);
  assert.equal(peers.length, 1);
  assert.ok(peers[0].closed);
});

test("a connection that fails is made again, unless it is over", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { uplink, peers } = makeUplink();
  uplink.ready();
  peers[0].connectionState = "failed";
  peers[0].onconnectionstatechange();
  context.mock.timers.tick(1000);
  assert.equal(peers.length, 2);
  peers[0].onconnectionstatechange(); // the old one means nothing any more
  uplink.close();
  peers[1].connectionState = "failed";
  peers[1].onconnectionstatechange();
  context.mock.timers.tick(5000);
  assert.equal(peers.length, 2);
});
