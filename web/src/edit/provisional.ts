/**
 * How outlines look while an edit waits for its answer.
 *
 * Only edits whose effect is plain to see are played (vertices, class, delete). A cut, a join or a reshape needs
 * GEOS on the server: of those the drawn line or polygon is shown as a sketch until the answer comes.
 */

import { insertVertex, mapVertices, nearestEdge, ringsOf, samePosition } from "./geometry";
import type { Edit, Geometry, Outline, Position } from "./operations";

export interface Replayed {
  /** Outlines that look different now. */
  changed: Map<string, Outline>;
  removed: Set<string>;
  /** What was drawn, where only the server can say what comes of it. */
  sketches: { geometry: Geometry; edit: Edit }[];
}

const key = (p: Position): string => `${p[0]},${p[1]}`;

function moved(outline: Outline, moves: Map<string, Position>): Outline | null {
  const touched = ringsOf(outline.geometry).some((ring) => ring.some((p) => moves.has(key(p))));
  if (!touched) return null;
  return { ...outline, geometry: mapVertices(outline.geometry, (p) => moves.get(key(p)) ?? p) };
}

function without(outline: Outline, vertex: Position): Outline | null {
  const touched = ringsOf(outline.geometry).some((ring) => ring.some((p) => samePosition(p, vertex)));
  if (!touched) return null;
  return { ...outline, geometry: mapVertices(outline.geometry, (p) => (samePosition(p, vertex) ? null : p)) };
}

function within(outline: Outline, vertex: Position): Outline | null {
  const edge = nearestEdge(outline.geometry, vertex, 1e-3);
  if (!edge || samePosition(edge.a, vertex) || samePosition(edge.b, vertex)) return null;
  return { ...outline, geometry: insertVertex(outline.geometry, edge.a, edge.b, vertex) };
}

/** Play edits in order over outlines as the server last gave them. The outlines given are not changed. */
export function replay(outlines: ReadonlyMap<string, Outline>, edits: Iterable<Edit>): Replayed {
  const result: Replayed = { changed: new Map(), removed: new Set(), sketches: [] };
  const now = (id: string): Outline | undefined =>
    result.removed.has(id) ? undefined : (result.changed.get(id) ?? outlines.get(id));
  const everywhere = (change: (outline: Outline) => Outline | null): void => {
    for (const id of outlines.keys()) {
      const before = now(id);
      const after = before ? change(before) : null;
      if (after) result.changed.set(id, after);
    }
  };
  for (const edit of edits) play(edit, result, now, everywhere);
  return result;
}

function play(
  edit: Edit,
  result: Replayed,
  now: (id: string) => Outline | undefined,
  everywhere: (change: (outline: Outline) => Outline | null) => void,
): void {
  const point = edit.geometry?.type === "Point" ? edit.geometry.coordinates : null;
  if (edit.operation === "move_vertices") {
    const moves = new Map((edit.moves ?? []).map(([from, to]) => [key(from), to]));
    everywhere((outline) => moved(outline, moves));
  } else if (edit.operation === "delete_vertex" && point) {
    everywhere((outline) => without(outline, point));
  } else if (edit.operation === "insert_vertex" && point) {
    everywhere((outline) => within(outline, point));
  } else if (edit.operation === "delete" || (edit.operation === "reclassify" && edit.class === 0)) {
    for (const id of edit.features) result.removed.add(id);
  } else if (edit.operation === "reclassify") {
    for (const id of edit.features) {
      const outline = now(id);
      if (!outline) continue;
      result.changed.set(id, { ...outline, properties: { ...outline.properties, class: edit.class ?? 1 } });
    }
  } else if (edit.geometry) {
    result.sketches.push({ geometry: edit.geometry, edit });
  }
}
