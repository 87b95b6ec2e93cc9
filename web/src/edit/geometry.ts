/** Plane geometry on coordinate arrays, for pointing and showing only: results that count come from the server. */

import type { Areal, Outline, Position, Ring } from "./operations";

/** Every ring of a polygon or multipolygon, outer and inner alike. */
export function ringsOf(geometry: Areal): Ring[] {
  return geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
}

/** A coordinate of OpenLayers, without whatever may stand beyond x and y. */
export function position(coordinate: readonly number[]): Position {
  const [x, y] = coordinate;
  if (x === undefined || y === undefined) throw new Error("a coordinate needs x and y");
  return [x, y];
}

/** The positions of a line or ring of OpenLayers. */
export function positions(coordinates: readonly (readonly number[])[] | undefined): Position[] {
  return (coordinates ?? []).map(position);
}

/** The edges of a closed ring or of a line, one after the other. */
export function* edges(line: readonly Position[]): Generator<[Position, Position]> {
  let before: Position | null = null;
  for (const point of line) {
    if (before) yield [before, point];
    before = point;
  }
}

export function samePosition(a: Position, b: Position): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

export function distance(a: Position, b: Position): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/** A place on the grid of a millimetre on which the server keeps outlines: an answer has it there and nowhere else. */
export function onGrid([x, y]: Position): Position {
  return [Math.round(x * 1000) / 1000, Math.round(y * 1000) / 1000];
}

/** The point of the segment a-b that is nearest to p. */
export function nearestOnSegment(p: Position, a: Position, b: Position): Position {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length2 = dx * dx + dy * dy;
  if (length2 === 0) return a;
  const t = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length2;
  if (t <= 0) return a;
  if (t >= 1) return b;
  return [a[0] + t * dx, a[1] + t * dy];
}

/** Signed plane area of a closed ring in square units (shoelace; anticlockwise is positive). */
export function ringArea(ring: Ring): number {
  let twice = 0;
  for (const [a, b] of edges(ring)) twice += (a[0] - b[0]) * (a[1] + b[1]);
  return twice / 2;
}

/** Plane area in square units: outer rings less their holes. */
export function planeArea(geometry: Areal): number {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  let area = 0;
  for (const rings of polygons) {
    rings.forEach((ring, i) => {
      area += (i === 0 ? 1 : -1) * Math.abs(ringArea(ring));
    });
  }
  return area;
}

function inRing(p: Position, ring: Ring): boolean {
  let inside = false;
  for (const [[xi, yi], [xj, yj]] of edges(ring)) {
    if (yi > p[1] !== yj > p[1] && p[0] < ((xj - xi) * (p[1] - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** Is the point in the area (even-odd over all rings, so holes count as outside)? */
export function contains(geometry: Areal, p: Position): boolean {
  let inside = false;
  for (const ring of ringsOf(geometry)) if (inRing(p, ring)) inside = !inside;
  return inside;
}

function side(a: Position, b: Position, p: Position): number {
  return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
}

function crosses(a: Position, b: Position, c: Position, d: Position): boolean {
  return side(a, b, c) > 0 !== side(a, b, d) > 0 && side(c, d, a) > 0 !== side(c, d, b) > 0;
}

/** How often a line crosses the boundary of an area. */
export function crossings(geometry: Areal, line: Position[]): number {
  let count = 0;
  for (const ring of ringsOf(geometry)) {
    for (const [a, b] of edges(ring)) {
      for (const [c, d] of edges(line)) if (crosses(a, b, c, d)) count++;
    }
  }
  return count;
}

/** Do two areas share ground? */
export function overlaps(a: Areal, b: Areal): boolean {
  const first = ringsOf(a);
  const second = ringsOf(b);
  const starts = (rings: Ring[], area: Areal): boolean => rings.some(([start]) => start !== undefined && contains(area, start));
  if (starts(first, b) || starts(second, a)) return true;
  return first.some((ring) => crossings(b, ring) > 0);
}

/** A copy whose vertices are passed through `change`; null takes the vertex out. The ring stays closed. */
export function mapVertices(geometry: Areal, change: (p: Position) => Position | null): Areal {
  const ring = (points: Ring): Ring => {
    const open = points.slice(0, -1);
    const kept = open.map(change).filter((p): p is Position => p !== null);
    const [start] = kept;
    return start ? [...kept, start] : [];
  };
  if (geometry.type === "Polygon") return { type: "Polygon", coordinates: geometry.coordinates.map(ring) };
  return { type: "MultiPolygon", coordinates: geometry.coordinates.map((rings) => rings.map(ring)) };
}

/** A copy with `p` put into the edge a-b wherever the area has it, in either direction. */
export function insertVertex(geometry: Areal, a: Position, b: Position, p: Position): Areal {
  const ring = (points: Ring): Ring => {
    const out: Ring = points.slice(0, 1);
    for (const [from, to] of edges(points)) {
      const here = (samePosition(from, a) && samePosition(to, b)) || (samePosition(from, b) && samePosition(to, a));
      if (here) out.push(p);
      out.push(to);
    }
    return out;
  };
  if (geometry.type === "Polygon") return { type: "Polygon", coordinates: geometry.coordinates.map(ring) };
  return { type: "MultiPolygon", coordinates: geometry.coordinates.map((rings) => rings.map(ring)) };
}

export interface Edge {
  a: Position;
  b: Position;
  /** The point of the edge nearest to where one asked. */
  at: Position;
}

/** The nearest edge of an area within `reach`, or null. */
export function nearestEdge(geometry: Areal, p: Position, reach: number): Edge | null {
  let best: Edge | null = null;
  let least = reach;
  for (const ring of ringsOf(geometry)) {
    for (const [a, b] of edges(ring)) {
      const at = nearestOnSegment(p, a, b);
      const d = distance(p, at);
      if (d <= least) {
        least = d;
        best = { a, b, at };
      }
    }
  }
  return best;
}

/** The nearest vertex of an area within `reach`, or null. */
export function nearestVertex(geometry: Areal, p: Position, reach: number): Position | null {
  let best: Position | null = null;
  let least = reach;
  for (const ring of ringsOf(geometry)) {
    for (const vertex of ring) {
      const d = distance(p, vertex);
      if (d <= least) {
        least = d;
        best = vertex;
      }
    }
  }
  return best;
}

/** [minx, miny, maxx, maxy] of many outlines; null of none. */
export function boundsOf(outlines: Iterable<Outline>): [number, number, number, number] | null {
  let bounds: [number, number, number, number] | null = null;
  for (const outline of outlines) {
    for (const ring of ringsOf(outline.geometry)) {
      for (const [x, y] of ring) {
        bounds = bounds
          ? [Math.min(bounds[0], x), Math.min(bounds[1], y), Math.max(bounds[2], x), Math.max(bounds[3], y)]
          : [x, y, x, y];
      }
    }
  }
  return bounds;
}
