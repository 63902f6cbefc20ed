// @ts-check
/**
 * The result on a canvas: alone, beside its source, or with a wipe that follows the pointer.
 */

/** @typedef {"result" | "side_by_side" | "wipe"} CompareMode */

/** What the button shows for each, in the order in which it goes through them.
 * @type {Record<CompareMode, string>} */
export const MODES = { result: "Result", side_by_side: "Side by side", wipe: "Wipe" };

export class Comparison {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {CompareMode} */
    this.mode = "result";
    /** Where the wipe is, as a share of the width; the source is left of it. */
    this.wipe = 0.5;
    /** @type {ImageBitmap | undefined} */
    this.result = undefined;
    /** @type {ImageBitmap | undefined} */
    this.source = undefined;
    canvas.addEventListener("pointermove", (event) => this.#point(event));
    canvas.addEventListener("pointerdown", (event) => this.#point(event));
  }

  get wantsSource() {
    return this.mode !== "result";
  }

  /** Show two pictures of one size; they must stay open until others come, or none.
   * @param {ImageBitmap} [result] @param {ImageBitmap} [source] */
  show(result, source) {
    this.result = result;
    this.source = source;
    this.draw();
  }

  draw() {
    const { canvas, result, source } = this;
    if (!result) return;
    const { width, height } = result;
    const mode = source ? this.mode : "result";
    resize(canvas, mode === "side_by_side" ? 2 * width : width, height);
    const context = canvas.getContext("2d");
    if (!context) return;
    if (mode === "side_by_side" && source) context.drawImage(source, 0, 0, width, height);
    context.drawImage(result, mode === "side_by_side" ? width : 0, 0);
    if (mode === "wipe") drawWipe(context, source, Math.round(this.wipe * width), width, height);
  }

  /** @param {PointerEvent} event */
  #point(event) {
    if (this.mode !== "wipe" || !this.source) return;
    const box = this.canvas.getBoundingClientRect();
    const { width, height } = this.canvas;
    // The picture keeps its shape inside the canvas' box, with bars beside or above it.
    const scale = Math.min(box.width / width, box.height / height);
    const left = box.left + (box.width - width * scale) / 2;
    this.wipe = Math.min(1, Math.max(0, (event.clientX - left) / (width * scale)));
    this.draw();
  }
}

/** @param {CanvasRenderingContext2D} context @param {any} source @param {number} x
 * @param {number} width @param {number} height */
function drawWipe(context, source, x, width, height) {
  if (x > 0) {
    const share = source.width / width;
    context.drawImage(source, 0, 0, x * share, source.height, 0, 0, x, height);
  }
  context.fillStyle = "#fff";
  context.fillRect(Math.max(0, Math.min(width - 2, x - 1)), 0, 2, height);
}

/** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
function resize(canvas, width, height) {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}
