import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptureTime } from "../../../web/js/frame_grabber.mjs?v=0.3.0";
import { decodeFrame } from "../../../web/js/frames.mjs?v=0.3.0";
import { Uplink } from "../../../web/js/uplink.mjs?v=0.3.0";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const settle = () => pause(5);

/** Wait as long as a busy machine needs until it is `wanted`, then look whether it stays so. */
async function reaches(wanted, counted) {
  for (let looks = 0; looks < 500 && counted() < wanted; looks++) await pause(10);
  await pause(60);
  assert.equal(counted(), wanted);
}

/** A camera that gives a picture whenever it is asked, and an uplink that sends what it gives. */
function makeUplink(toJpeg = async () => new Uint8Array([255, 216]).buffer) {
  const camera = { grabbed: 0, open: 0, stopped: false };
  const grabber = {
    next: async () => {
      await settle();
      if (camera.stopped) return undefined;
      camera.grabbed += 1;
      camera.open += 1;
      return { taken: 100 * camera.grabbed, close: () => (camera.open -= 1) };
    },
    stop: () => (camera.stopped = true),
  };
  const sent = [];
  const send = (message) => sent.push(message);
  const uplink = new Uplink("1", grabber, { send, toServer: (ms) => ms + 7, toJpeg });
  return { camera, sent, uplink, pictures: () => sent.filter((each) => each instanceof ArrayBuffer) };
}

test("one picture is sent for each credit, and none without", async () => {
  const { camera, uplink, sent, pictures } = makeUplink();
  uplink.ready();
  assert.deepEqual(sent, [{ type: "camera", node: "1", state: "ready", reason: "" }]);
  await settle();
  assert.equal(camera.grabbed, 0);
  uplink.want(2);
  await reaches(2, () => pictures().length);
  assert.deepEqual(pictures().map((each) => decodeFrame(each).header), [
    { node: "1", taken: 107 },
    { node: "1", taken: 207 },
  ]);
  assert.equal(camera.open, 0);
  uplink.want(1);
  await reaches(3, () => pictures().length);
});

test("a new connection starts without credit", async () => {
  const { uplink, pictures, camera } = makeUplink();
  uplink.want(1);
  uplink.ready();
  await reaches(0, () => pictures().length);
  assert.equal(camera.open, 0);
});

test("a picture that could not be encoded costs nothing", async () => {
  let tries = 0;
  const { uplink, pictures } = makeUplink(async () => {
    if (++tries === 1) throw new Error("no memory");
    return new Uint8Array([255, 216]).buffer;
  });
  uplink.want(1);
  await reaches(1, () => tries);
  uplink.want(0);
  await reaches(1, () => pictures().length);
});

test("closing with a reason tells the session, and stops the camera", async () => {
  const { uplink, sent, camera } = makeUplink();
  uplink.close("The picture has ended.");
  uplink.close("again");
  assert.deepEqual(sent, [{ type: "camera", node: "1", state: "gone", reason: "The picture has ended." }]);
  assert.ok(camera.stopped);
});

test("the time of a picture does not jump when one comes late", () => {
  const time = new CaptureTime();
  time.of(0, 5000);
  const taken = [33, 66, 99].map((timestamp, i) => time.of(timestamp, 5000 + timestamp + [2, 40, 0][i]));
  for (const [i, timestamp] of [33, 66, 99].entries()) assert.ok(Math.abs(taken[i] - (5000 + timestamp)) < 0.1);
});
