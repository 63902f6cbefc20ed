// @ts-check
/** MIDI messages as what a hand did: a control that stands somewhere, a key that was pressed, a preset that was chosen. */

/**
 * @typedef {object} Gesture
 * @property {string} id such as "cc/1/7", "note/10/36": kind, channel from 1 on, number
 * @property {number} [value] 0 to 1, of a control
 * @property {number} [preset] from 0 on, of a program change
 */

const NOTE_ON = 0x90;
const CONTROL = 0xb0;
const PROGRAM = 0xc0;
const FINE = 32; // controllers 32 to 63 are the low seven bits of 0 to 31

export class MidiParser {
  /** @param {(id: string) => boolean} isBound a fine controller that is bound is one of its own */
  constructor(isBound) {
    this.isBound = isBound;
    /** Coarse values by id. @type {Map<string, number>} */
    this.coarse = new Map();
  }

  /** @param {Uint8Array} bytes of one message @returns {Gesture | undefined} for what means nothing here */
  parse([status, number, data]) {
    const channel = (status & 0x0f) + 1;
    switch (status & 0xf0) {
      case NOTE_ON:
        return data > 0 ? { id: `note/${channel}/${number}` } : undefined;
      case PROGRAM:
        return { id: `program/${channel}`, preset: number };
      case CONTROL:
        return this.#control(channel, number, data);
    }
  }

  /** @param {number} channel @param {number} number @param {number} data */
  #control(channel, number, data) {
    const id = `cc/${channel}/${number}`;
    const whole = `cc/${channel}/${number - FINE}`;
    const coarse = this.coarse.get(whole);
    if (number >= FINE && number < 2 * FINE && coarse !== undefined && !this.isBound(id)) {
      return { id: whole, value: (coarse * 128 + data) / (128 * 128 - 1) };
    }
    if (number < FINE) this.coarse.set(id, data);
    return { id, value: data / 127 };
  }
}

/** Have a function called with every message of every MIDI input, also of those that are plugged in later.
 * @param {{requestMIDIAccess?: () => Promise<any>}} navigator @param {(bytes: Uint8Array) => void} onMessage
 * @returns {Promise<boolean>} whether the browser has MIDI and may use it */
export async function listenToMidi(navigator, onMessage) {
  const access = await navigator.requestMIDIAccess?.().catch(() => undefined);
  if (!access) return false;
  const listen = () => {
    for (const input of access.inputs.values()) input.onmidimessage = (/** @type {any} */ event) => onMessage(event.data);
  };
  access.onstatechange = listen;
  listen();
  return true;
}
