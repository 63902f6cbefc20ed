// @ts-nocheck an AudioWorklet has other globals than a page
/** Gathers what the microphone hears into parts of 20 ms, as 16-bit samples. */
const PART = 480;

class Gatherer extends AudioWorkletProcessor {
  part = new Int16Array(PART);
  filled = 0;

  process([[heard]]) {
    for (const sample of heard ?? []) {
      this.part[this.filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.filled < PART) continue;
      this.port.postMessage(this.part.buffer, [this.part.buffer]);
      this.part = new Int16Array(PART);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("livestyle-gatherer", Gatherer);
