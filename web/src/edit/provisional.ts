/**
 * How outlines look while an edit waits for its answer.
 *
 * Only edits whose effect is plain to see are played (vertices, class, delete). A cut, a join or a reshape needs
 * GEOS on the server: of those the drawn line or polygon is shown as a sketch until the answer comes.
 */

import { insertVertex, mapVertices, nearestEdge, ringsOf, samePosition } from "./geometry";
import type { Edit, Geometry, Move, Outline, Position } from "./operations";

export interface Replayed {
  /** Outlines that look different now. */
  changed: Map<string, Outline>;
  removed: Set<string>;
  /** What was drawn, where only the server can say what comes of it. */
  sketches: { geometry: Geometry; edit: Edit }[];
}

/** A point this near to an edge is on it; the server says the same. */
const ON_EDGE_M = 0.01;

const key = (p: Position): string => `${p[0]},${p[1]}`;

/** What comes of an outline when vertices move; a place on an edge becomes a vertex first, as on the server. */
export function moved(outline: Outline, moves: Move[]): Outline | null {
  let geometry = outline.geometry;
  const vertices = new Set(ringsOf(geometry).flat().map(key));
  for (const [from] of moves) {
    if (!vertices.has(key(from))) geometry = within({ ...outline, geometry }, from)?.geometry ?? geometry;
  }
  const ends = new Map(moves.map(([from, to]) => [key(from), to]));
  if (!ringsOf(geometry).some((ring) => ring.some((p) => ends.has(key(p))))) return null;
  return { ...outline, geometry: mapVertices(geometry, (p) => ends.get(key(p)) ?? p) };
}

function without(outline: Outline, vertex: Position): Outline | null {
  const touched = ringsOf(outline.geometry).some((ring) => ring.some((p) => samePosition(p, vertex)));
  if (!touched) return null;
  return { ...outline, geometry: mapVertices(outline.geometry, (p) => (samePosition(p, vertex) ? null : p)) };
}

function within(outline: Outline, vertex: Position): Outline | null {
  const edge = nearestEdge(outline.geometry, vertex, ON_EDGE_M);
  if (!edge || samePosition(edge.a, vertex) || samePosition(edge.b, vertex)) return null;
  return { ...outline, geometry: insertVertex(outline.geometry, edge.a, edge.b, vertex) };
}

/** Play edits in order over outlines as the server last gave them. The outlines given are not changed. */
export function replay(outlines: ReadonlyMap<string, Outline>, edits: Iterable<Edit>): Replayed {
  const result: Replayed = { changed: new Map(), removed: new Set(), sketches: [] };
  const now = (id: string): Outline | undefined =>
    result.removed.has(id) ? undefined : (result.changed.get(id) ?? outlines.get(id));
  const each = (ids: string[], change: (outline: Outline) => Outline | null): void => {
    for (const id of ids) {
      const before = now(id);
      const after = before ? change(before) : null;
      if (after) result.changed.set(id, after);
    }
  };
  for (const edit of edits) play(edit, result, now, each);
  return result;
}

function play(
  edit: Edit,
  result: Replayed,
  now: (id: string) => Outline | undefined,
  each: (ids: string[], change: (outline: Outline) => Outline | null) => void,
): void {
  const point = edit.geometry?.type === "Point" ? edit.geometry.coordinates : null;
  if (edit.operation === "move_vertices") {
    each(edit.features, (outline) => moved(outline, edit.moves ?? []));
  } else if (edit.operation === "delete_vertex" && point) {
    each(edit.features, (outline) => without(outline, point));
  } else if (edit.operation === "insert_vertex" && point) {
    each(edit.features, (outline) => within(outline, point));
  } else if (edit.operation === "delete" || (edit.operation === "reclassify" && edit.class === 0)) {
    for (const id of edit.features) result.removed.add(id);
  } else if (edit.operation === "reclassify") {
    for (const id of edit.features) {
      const outline = now(id);
      if (!outline) continue;
      result.changed.set(id, { ...outline, properties: { ...outline.properties, class: edit.class ?? 1 } });
    }
  } else if (edit.operation === "assign") {
    const { glacier } = edit;
    each(edit.features, (outline) => ({ ...outline, properties: { ...outline.properties, glacier: glacier ?? null } }));
  } else if (edit.geometry) {
    result.sketches.push({ geometry: edit.geometry, edit });
  }
}
