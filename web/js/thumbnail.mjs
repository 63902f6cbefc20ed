// @ts-check
/** The small picture of a preset. */

const WIDEST = 96;
const HIGHEST = 192;
const LARGEST = 6 * 1024; // bytes that the server takes
const QUALITIES = [0.8, 0.6, 0.4, 0.2];

/** A picture as a data URL; Safari writes no WebP. @param {ImageBitmap} picture @returns {string | undefined} */
export function thumbnail(picture) {
  const scale = Math.min(WIDEST / picture.width, HIGHEST / picture.height, 1);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  if (!pen) return undefined;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const kind = ["image/webp", "image/jpeg"].find((kind) => canvas.toDataURL(kind).startsWith(`data:${kind}`));
  return QUALITIES.map((quality) => canvas.toDataURL(kind, quality)).find((url) => url.length <= (LARGEST * 4) / 3);
}
