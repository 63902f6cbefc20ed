// @ts-check
/** One line on a node: what became of the last live change, or of the last press of a button. */
import { receiptText } from "./format.mjs?v=0.3.0";

export class StatusLine {
  constructor() {
    this.element = document.createElement("div");
    this.element.className = "livestyle-status";
    this.element.setAttribute("role", "status");
  }

  /** @param {any} receipt */
  showReceipt(receipt) {
    const { text, mood } = receiptText(receipt);
    this.show(text, mood);
  }

  /** @param {string} text @param {"waiting" | "done" | "bad"} mood */
  show(text, mood) {
    this.element.textContent = text;
    this.element.title = text;
    this.element.dataset.mood = mood;
  }

  clear() {
    this.element.textContent = this.element.title = "";
    delete this.element.dataset.mood;
  }
}
