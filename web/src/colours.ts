/** Colours that colour-blind people can tell (Okabe and Ito 2008), the same as in reports and QGIS styles. */

export const CLEAN = "#0072B2";
export const DEBRIS = "#D55E00";
export const ADDED = "#009E73";
export const REMOVED = "#CC79A7";
export const RECLASSIFIED = "#E69F00";
export const HALO = "rgba(255,255,255,0.85)";

export const CLASS_NAMES: Readonly<Record<number, string>> = { 0: "background", 1: "clean ice", 2: "debris-covered ice" };

export function colourOf(value: number): string {
  return value === 2 ? DEBRIS : CLEAN;
}

/** Hatching for debris, so that it is told without colour too. */
export function hatch(colour: string): CanvasPattern | string {
  const size = 8;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  if (!context) return colour;
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  for (const shift of [-size, 0, size]) {
    context.beginPath();
    context.moveTo(shift, size);
    context.lineTo(shift + size, 0);
    context.stroke();
  }
  return context.createPattern(canvas, "repeat") ?? colour;
}

/** A colour "#rrggbb" let through. */
export function faint(colour: string, opacity: number): string {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `rgba(${parts.join()},${opacity})`;
}

/** Colours that a whole layer can be given, to tell it from another (Okabe and Ito 2008, and black and white). */
export const LAYER_COLOURS: readonly (readonly [string, string])[] = [
  ["#000000", "black"],
  ["#E69F00", "orange"],
  ["#009E73", "green"],
  ["#CC79A7", "purple"],
  ["#F0E442", "yellow"],
  ["#56B4E9", "sky blue"],
];
