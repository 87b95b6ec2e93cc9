/** Vertices that are chosen to be moved together, and the box that chooses them. A shared vertex is one vertex. */

import { boundingExtent, containsCoordinate } from "ol/extent";
import Feature from "ol/Feature";
import { MultiPoint } from "ol/geom";
import { fromExtent } from "ol/geom/Polygon";
import { unByKey } from "ol/Observable";
import type { EventsKey } from "ol/events";
import VectorSource from "ol/source/Vector";
import { Circle, Fill, Stroke, Style } from "ol/style";

import type { Editor } from "./editor";
import { ringsOf } from "./geometry";
import type { Outline, Position } from "./operations";
import { around } from "./pointing";

/** More are a matter of simplifying or reshaping, not of dragging. */
export const MOST_VERTICES = 2000;

const handles = new Style({
  image: new Circle({ radius: 5.5, fill: new Fill({ color: "#ffe94a" }), stroke: new Stroke({ color: "#111", width: 1.6 }) }),
});
const frame = [
  new Style({ stroke: new Stroke({ color: "rgba(255,255,255,0.9)", width: 3.5 }) }),
  new Style({ stroke: new Stroke({ color: "#111", width: 1.4, lineDash: [5, 4] }), fill: new Fill({ color: "rgba(255,233,74,0.12)" }) }),
];

export function keyOf(p: Position): string {
  return `${p[0]},${p[1]}`;
}

/** The places of all vertices of an outline. */
export function verticesOf(outline: Outline): Map<string, Position> {
  return new Map(ringsOf(outline.geometry).flatMap((ring) => ring.map((p) => [keyOf(p), p])));
}

export class VertexSelection {
  private chosen = new Map<string, Position>();
  private readonly points = new Feature<MultiPoint>();
  private readonly box = new Feature();
  private readonly watching: EventsKey;
  private held = false;
  /** Drawn over the outlines. */
  readonly source = new VectorSource<Feature>({ features: [this.points, this.box], wrapX: false });

  constructor(private readonly editor: Editor) {
    this.points.setStyle(handles);
    this.box.setStyle(frame);
    this.watching = editor.outlines.source.on("change", () => this.prune());
  }

  end(): void {
    unByKey(this.watching);
  }

  get positions(): Position[] {
    return [...this.chosen.values()];
  }

  has(vertex: Position): boolean {
    return this.chosen.has(keyOf(vertex));
  }

  set(vertices: Iterable<Position>): void {
    this.chosen = new Map([...vertices].map((p) => [keyOf(p), p]));
    this.show(this.positions);
  }

  toggle(vertex: Position): void {
    if (!this.chosen.delete(keyOf(vertex))) this.chosen.set(keyOf(vertex), vertex);
    this.show(this.positions);
  }

  /** Choose none; false where none was chosen. */
  clear(): boolean {
    if (!this.chosen.size) return false;
    this.set([]);
    return true;
  }

  /** Show the handles elsewhere while they are dragged; what is chosen stays chosen meanwhile. */
  drag(places: Position[]): void {
    this.held = true;
    this.show(places);
  }

  drop(): void {
    this.held = false;
    this.prune();
    this.show(this.positions);
  }

  /** Show the box that is being drawn, between two corners; null takes it away. */
  frame(corners: [Position, Position] | null): void {
    this.box.setGeometry(corners ? fromExtent(boundingExtent(corners)) : undefined);
  }

  /** Add the vertices in a box: those of the chosen outlines, or of all where none is chosen. */
  addWithin(corners: [Position, Position]): void {
    const extent = boundingExtent(corners);
    const found = new Map(this.chosen);
    for (const feature of this.editor.outlines.source.getFeaturesInExtent(extent)) {
      const id = String(feature.getId());
      const outline = this.editor.outlines.current(id);
      if (!outline || (this.editor.selection.size > 0 && !this.editor.selection.has(id))) continue;
      for (const [key, vertex] of verticesOf(outline)) if (containsCoordinate(extent, vertex)) found.set(key, vertex);
    }
    if (found.size > MOST_VERTICES) this.editor.place.notify(`More than ${MOST_VERTICES} vertices: draw a smaller box`, "info");
    else this.set(found.values());
  }

  private show(places: Position[]): void {
    this.points.setGeometry(places.length ? new MultiPoint(places) : undefined);
  }

  /** Outlines are different: vertices that none has any more are not chosen any more. */
  private prune(): void {
    if (this.held || !this.chosen.size) return;
    const there = [...this.chosen].filter(([key, p]) => around(this.editor, p, 0).some((outline) => verticesOf(outline).has(key)));
    if (there.length < this.chosen.size) this.set(there.map(([, p]) => p));
  }
}
