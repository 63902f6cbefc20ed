// @ts-check
/** One line on a node: what became of the last live change. */
import { receiptText } from "./format.mjs?v=0.1.0";

export class StatusLine {
  constructor() {
    this.element = document.createElement("div");
    this.element.className = "livestyle-status";
    this.element.setAttribute("role", "status");
  }

  /** @param {any} receipt */
  showReceipt(receipt) {
    const { text, mood } = receiptText(receipt);
    this.element.textContent = text;
    this.element.title = text;
    this.element.dataset.mood = mood;
  }
}
