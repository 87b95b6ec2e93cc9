/** What lies under the pointer: outlines, vertices and edges, found by geometry, not by reading pixels back. */

import { never } from "ol/events/condition";
import { boundingExtent, buffer } from "ol/extent";
import Interaction from "ol/interaction/Interaction";
import MapBrowserEventType from "ol/MapBrowserEventType";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import type OlMap from "ol/Map";

import type { Editor } from "./editor";
import { contains, distance, nearestEdge, nearestVertex, planeArea, position, type Edge } from "./geometry";
import type { Outline, Position } from "./operations";

export const REACH_PX = 10;

/** Is it the main button, or a finger or pen? */
export function mainButton(event: MapBrowserEvent): boolean {
  return event.originalEvent instanceof MouseEvent && event.originalEvent.button === 0;
}

/**
 * Options of a Draw that follows the main button while it is held down; `begun` hears of the event that begins it.
 *
 * With `freehand: true` OpenLayers asks no condition at all: any button would draw, and no key could be told.
 */
export function heldDown(begun: (event: MapBrowserEvent) => void = () => undefined): {
  condition: (event: MapBrowserEvent) => boolean;
  freehandCondition: (event: MapBrowserEvent) => boolean;
} {
  const freehandCondition = (event: MapBrowserEvent): boolean => {
    if (event.type !== MapBrowserEventType.POINTERDOWN) return true;
    if (!mainButton(event)) return false;
    begun(event);
    return true;
  };
  return { condition: never, freehandCondition };
}

/** Metres on the ground that some pixels cover. */
export function groundReach(map: OlMap, pixels: number): number {
  return (map.getView().getResolution() ?? 1) * pixels;
}

/** Outlines whose boxes come within reach of a place, as they are shown. */
export function around(editor: Editor, at: Position, reach: number): Outline[] {
  const box = buffer(boundingExtent([at]), reach);
  const found: Outline[] = [];
  for (const feature of editor.outlines.source.getFeaturesInExtent(box)) {
    const outline = editor.outlines.current(String(feature.getId()));
    if (outline) found.push(outline);
  }
  return found;
}

/** The outline at a place; the smallest, should a layer hold some upon another. */
export function outlineAt(editor: Editor, at: Position): Outline | null {
  const hits = around(editor, at, 0).filter((outline) => contains(outline.geometry, at));
  hits.sort((a, b) => planeArea(a.geometry) - planeArea(b.geometry));
  return hits[0] ?? null;
}

export interface Hit {
  outline: Outline;
  /** The vertex, or the point on the edge. */
  at: Position;
  edge: Edge | null;
}

/** The vertex under the pointer, else the edge; of several the nearest, of these the chosen outline's. */
export function hitAt(editor: Editor, at: Position, reach: number, accept: (o: Outline) => boolean): Hit | null {
  const near = around(editor, at, reach).filter(accept);
  near.sort((a, b) => Number(editor.selection.has(b.id)) - Number(editor.selection.has(a.id)));
  return vertexIn(near, at, reach) ?? edgeIn(near, at, reach * 0.8);
}

function vertexIn(near: Outline[], at: Position, reach: number): Hit | null {
  let best: Hit | null = null;
  let least = reach;
  for (const outline of near) {
    const vertex = nearestVertex(outline.geometry, at, least);
    if (!vertex || (best && distance(vertex, at) >= least)) continue;
    least = distance(vertex, at);
    best = { outline, at: vertex, edge: null };
  }
  return best;
}

function edgeIn(near: Outline[], at: Position, reach: number): Hit | null {
  let best: Hit | null = null;
  let least = reach;
  for (const outline of near) {
    const edge = nearestEdge(outline.geometry, at, least);
    if (!edge || (best && distance(edge.at, at) >= least)) continue;
    least = distance(edge.at, at);
    best = { outline, at: edge.at, edge };
  }
  return best;
}

/**
 * Pulls the pointer onto outlines while something is drawn; Alt lets it go.
 *
 * OpenLayers' Snap indexes every segment of every outline when it is switched on, which takes seconds with 2,000
 * glaciers; this looks only at the outlines near the pointer.
 */
export class SnapToOutlines extends Interaction {
  constructor(private readonly editor: Editor) {
    super();
  }

  override handleEvent(event: MapBrowserEvent): boolean {
    const original = event.originalEvent;
    if (!original.altKey && event.type.startsWith("pointer") && event.type !== "pointerdrag") this.pull(event);
    return true;
  }

  private pull(event: MapBrowserEvent): void {
    const map = event.map;
    const hit = hitAt(this.editor, position(event.coordinate), groundReach(map, REACH_PX), () => true);
    if (!hit) return;
    event.coordinate = [...hit.at];
    const pixel = map.getPixelFromCoordinate(hit.at);
    if (pixel) event.pixel = pixel.map(Math.round);
  }
}
