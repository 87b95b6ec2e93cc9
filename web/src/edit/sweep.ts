/**
 * The ground that a round brush sweeps, as one polygon.
 *
 * The stroke is painted on a canvas and its edge traced back (marching squares, placed within the pixel by the
 * coverage that antialiasing leaves), because a stroke that crosses itself has no simple offset curve, and unions of
 * many circles need a geometry engine that the page does not carry.
 */

import { distance, nearestOnSegment, ringArea } from "./geometry";
import type { PolygonGeometry, Position, Ring } from "./operations";

const MOST_PIXELS = 2048;
const CIRCLE_POINTS = 48;
/** How far a simplified edge may lie from the traced one, pixels of the canvas. */
const SIMPLE_PX = 0.25;
const SMALLEST_HOLE_PX2 = 9;

/** A circle as a closed ring. */
export function circle(centre: Position, radius: number): Ring {
  const ring: Ring = [];
  for (let i = 0; i < CIRCLE_POINTS; i++) {
    const angle = (2 * Math.PI * i) / CIRCLE_POINTS;
    ring.push([centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle)]);
  }
  return [...ring, ...ring.slice(0, 1)];
}

/**
 * What a brush of a radius sweeps along a path, all in metres of the map.
 *
 * `resolution` is the metres of a screen pixel: the edge is true to a fraction of it.
 */
export function sweep(path: Position[], radius: number, resolution: number): PolygonGeometry {
  const [first] = path;
  if (!first) throw new Error("a stroke needs a point");
  const reach = Math.max(...path.map((p) => distance(p, first)));
  if (reach < resolution / 2) return { type: "Polygon", coordinates: [circle(first, radius)] };
  const xs = path.map((p) => p[0]);
  const ys = path.map((p) => p[1]);
  const [left, top] = [Math.min(...xs) - radius, Math.max(...ys) + radius];
  const width = Math.max(...xs) + radius - left;
  const height = top - (Math.min(...ys) - radius);
  const step = Math.max(resolution, Math.max(width, height) / MOST_PIXELS, 1e-6);
  const columns = Math.ceil(width / step) + 4;
  const rows = Math.ceil(height / step) + 4;
  const points = path.map(([x, y]): Position => [(x - left) / step + 2, (top - y) / step + 2]);
  const rings = trace(paint(points, radius / step, columns, rows), columns, rows);
  return toPolygon(rings, ([x, y]) => [left + (x - 2) * step, top - (y - 2) * step], first, radius);
}

/** Coverage of each pixel by the stroke, 0 to 255. */
function paint(points: Position[], radius: number, columns: number, rows: number): Uint8ClampedArray {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("this browser gives no canvas to paint on");
  pen.lineWidth = 2 * radius;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  points.forEach(([x, y], i) => (i === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y)));
  pen.stroke();
  const rgba = pen.getImageData(0, 0, columns, rows).data;
  const cover = new Uint8ClampedArray(columns * rows);
  for (let i = 0; i < cover.length; i++) cover[i] = rgba[4 * i + 3] ?? 0;
  return cover;
}

/** Rings along the half-covered line between pixel centres, the covered side always on the left hand. */
function trace(cover: Uint8ClampedArray, columns: number, rows: number): Ring[] {
  const next = new Map<number, { to: number; at: Position }>();
  const at = (n: number): number => cover[n] ?? 0;
  const inside = (i: number, j: number): boolean => at(j * columns + i) >= 128;
  const share = (a: number, b: number): number => (a === b ? 0.5 : Math.min(0.98, Math.max(0.02, (127.5 - a) / (b - a))));
  // Crossings are named by the grid edge they lie on: 2n for the edge to the right of pixel n, 2n + 1 for the one below.
  const right = (i: number, j: number): number => 2 * (j * columns + i);
  const below = (i: number, j: number): number => 2 * (j * columns + i) + 1;
  const place = (edge: number): Position => {
    const n = edge >> 1;
    const [i, j] = [n % columns, Math.floor(n / columns)];
    if (edge & 1) return [i + 0.5, j + 0.5 + share(at(n), at(n + columns))];
    return [i + 0.5 + share(at(n), at(n + 1)), j + 0.5];
  };
  for (let j = 0; j < rows - 1; j++) {
    for (let i = 0; i < columns - 1; i++) {
      const code = (inside(i, j) ? 8 : 0) | (inside(i + 1, j) ? 4 : 0) | (inside(i + 1, j + 1) ? 2 : 0) | (inside(i, j + 1) ? 1 : 0);
      const [n, e, s, w] = [right(i, j), below(i + 1, j), right(i, j + 1), below(i, j)];
      for (const [from, to] of segments(code, n, e, s, w)) next.set(from, { to, at: place(from) });
    }
  }
  return chains(next);
}

/** The directed pieces of the line in one square of four pixels, the covered pixels on the left hand. */
function segments(code: number, n: number, e: number, s: number, w: number): [number, number][] {
  switch (code) {
    case 1: return [[s, w]];
    case 2: return [[e, s]];
    case 3: return [[e, w]];
    case 4: return [[n, e]];
    case 5: return [[n, w], [s, e]]; // a saddle: the covered corners are joined
    case 6: return [[n, s]];
    case 7: return [[n, w]];
    case 8: return [[w, n]];
    case 9: return [[s, n]];
    case 10: return [[w, s], [e, n]];
    case 11: return [[e, n]];
    case 12: return [[w, e]];
    case 13: return [[s, e]];
    case 14: return [[w, s]];
    default: return [];
  }
}

function chains(next: Map<number, { to: number; at: Position }>): Ring[] {
  const rings: Ring[] = [];
  for (const start of [...next.keys()]) {
    const ring: Ring = [];
    let at = next.get(start);
    for (let here = start; at; at = next.get(here)) {
      ring.push(at.at);
      next.delete(here);
      here = at.to;
    }
    const [first] = ring;
    if (first && ring.length >= 3) rings.push([...ring, first]);
  }
  return rings;
}

/** Fewer points, none of those left out further than a tolerance from the line (Douglas and Peucker, 1973). */
export function simplified(line: Position[], tolerance: number): Position[] {
  if (line.length <= 2) return line;
  const keep = new Set([0, line.length - 1]);
  const stack: [number, number][] = [[0, line.length - 1]];
  for (let span = stack.pop(); span; span = stack.pop()) {
    const [a, b] = span;
    const [start, end] = [line[a], line[b]];
    if (!start || !end) break;
    let worst = tolerance;
    let at = -1;
    line.slice(a + 1, b).forEach((p, i) => {
      const off = distance(p, nearestOnSegment(p, start, end));
      if (off > worst) [worst, at] = [off, a + 1 + i];
    });
    if (at < 0) continue;
    keep.add(at);
    stack.push([a, at], [at, b]);
  }
  return line.filter((_, i) => keep.has(i));
}

/** The same for a closed ring, which stays closed. */
export function simplifiedRing(ring: Ring, tolerance: number): Ring {
  const half = Math.floor(ring.length / 2);
  return [...simplified(ring.slice(0, half + 1), tolerance), ...simplified(ring.slice(half), tolerance).slice(1)];
}

function toPolygon(rings: Ring[], toMap: (p: Position) => Position, first: Position, radius: number): PolygonGeometry {
  const sized = rings.map((ring) => ({ ring, area: Math.abs(ringArea(ring)) })).sort((a, b) => b.area - a.area);
  const [outer, ...holes] = sized;
  if (!outer) return { type: "Polygon", coordinates: [circle(first, radius)] };
  const kept = [outer, ...holes.filter(({ area }) => area >= SMALLEST_HOLE_PX2)];
  return { type: "Polygon", coordinates: kept.map(({ ring }) => simplifiedRing(ring, SIMPLE_PX).map(toMap)) };
}
