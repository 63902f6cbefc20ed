// @ts-nocheck an AudioWorklet has other globals than a page
/** Gathers what is heard into parts of 20 ms: 16-bit samples, those of the channels side by side, and when they began. */
class Gatherer extends AudioWorkletProcessor {
  constructor({ processorOptions: { channels } }) {
    super();
    this.channels = channels;
    this.#begin();
  }

  process([heard]) {
    const count = heard[0]?.length ?? 0;
    for (let i = 0; i < count; i++) {
      if (!this.filled) this.begun = currentTime + i / sampleRate;
      for (let channel = 0; channel < this.channels; channel++) {
        this.part[this.filled++] = Math.max(-1, Math.min(1, heard[channel][i])) * 32767;
      }
      if (this.filled < this.part.length) continue;
      this.port.postMessage({ samples: this.part.buffer, begun: this.begun }, [this.part.buffer]);
      this.#begin();
    }
    return true;
  }

  #begin() {
    this.part = new Int16Array(Math.round(sampleRate / 50) * this.channels);
    this.filled = 0;
  }
}

registerProcessor("livestyle-gatherer", Gatherer);
