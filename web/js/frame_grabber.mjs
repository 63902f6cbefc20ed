// @ts-check
/**
 * The newest picture of a camera's or screen's track, and when it was taken.
 *
 * Where the browser has MediaStreamTrackProcessor, pictures come in hidden tabs too; elsewhere the
 * video element that shows them gives them.
 */

/** How much a camera's clock may run behind the page's, in milliseconds a frame. */
const DRIFT_MS = 0.01;

/** @typedef {{picture: any, width: number, height: number, taken: number, close: () => void}} Grabbed */

/** When a picture was taken, on the page's clock: its timestamp counts from a moment that nobody knows,
 * so the shortest delay seen so far is taken for none. */
export class CaptureTime {
  constructor() {
    this.base = Infinity;
  }

  /** @param {number} timestamp milliseconds @param {number} now @returns {number} */
  of(timestamp, now) {
    this.base = Math.min(this.base + DRIFT_MS, now - timestamp);
    return this.base + timestamp;
  }
}

class TrackGrabber {
  /** @param {MediaStreamTrack} track */
  constructor(track) {
    // @ts-ignore not in TypeScript's DOM library
    const processor = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 });
    this.reader = processor.readable.getReader();
    this.time = new CaptureTime();
  }

  /** @returns {Promise<Grabbed | undefined>} undefined once the track has ended */
  async next() {
    const { done, value } = await this.reader.read();
    if (done) return undefined;
    return {
      picture: value,
      width: value.displayWidth,
      height: value.displayHeight,
      taken: this.time.of(value.timestamp / 1000, performance.now()),
      close: () => value.close(),
    };
  }

  stop() {
    this.reader.cancel().catch(() => {});
  }
}

class VideoGrabber {
  /** @param {HTMLVideoElement} video that plays the track */
  constructor(video) {
    this.video = video;
    this.stopped = false;
  }

  /** @returns {Promise<Grabbed | undefined>} */
  next() {
    return new Promise((resolve) => {
      this.video.requestVideoFrameCallback((now, facts) => {
        if (this.stopped) return resolve(undefined);
        const { videoWidth: width, videoHeight: height } = this.video;
        resolve({ picture: this.video, width, height, taken: facts.captureTime ?? now, close: () => {} });
      });
    });
  }

  stop() {
    this.stopped = true;
  }
}

/** @param {MediaStreamTrack} track @param {HTMLVideoElement} video that plays it */
export function makeGrabber(track, video) {
  return "MediaStreamTrackProcessor" in window ? new TrackGrabber(track) : new VideoGrabber(video);
}

/** @param {Grabbed} grabbed @param {number} longestSide pixels @param {number} quality 0 to 1
 * @returns {Promise<ArrayBuffer>} a JPEG */
export async function toJpeg(grabbed, longestSide, quality) {
  const scale = Math.min(1, longestSide / Math.max(grabbed.width, grabbed.height));
  const canvas = new OffscreenCanvas(Math.round(grabbed.width * scale), Math.round(grabbed.height * scale));
  canvas.getContext("2d")?.drawImage(grabbed.picture, 0, 0, canvas.width, canvas.height);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
  return blob.arrayBuffer();
}
