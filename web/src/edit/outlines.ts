/**
 * The outlines that are being edited: what the server last said (the truth) and, drawn from it, what is shown.
 *
 * Shown = truth with the waiting operations played over it. So an answer, a refusal or a taken-back edit never has
 * to be "undone" on the map: the truth changes or the waiting list does, and the picture follows.
 */

import Feature from "ol/Feature";
import type { Extent } from "ol/extent";
import { containsExtent } from "ol/extent";
import GeoJSON from "ol/format/GeoJSON";
import type { MultiPolygon, Polygon } from "ol/geom";
import type Geometry from "ol/geom/Geometry";
import VectorSource from "ol/source/Vector";

import type { Answer, Areal, Edit, Geometry as EditGeometry, Outline } from "./operations";
import { replay, type Replayed } from "./provisional";

export type OutlineFeature = Feature<Polygon | MultiPolygon>;

const format = new GeoJSON();

/** Any GeoJSON geometry of an edit as an OpenLayers one. */
export function toShape(geometry: EditGeometry): Geometry {
  const shape = format.readGeometry(geometry);
  if (!shape) throw new Error(`a ${geometry.type} without coordinates`);
  return shape;
}

/** A GeoJSON area as an OpenLayers geometry, in the same coordinates. */
export function toGeometry(geometry: Areal): Polygon | MultiPolygon {
  return format.readGeometry(geometry) as Polygon | MultiPolygon;
}

export class Outlines {
  readonly source = new VectorSource<OutlineFeature>({ wrapX: false });
  readonly sketches = new VectorSource<Feature>({ wrapX: false });
  private readonly truth = new Map<string, Outline>();
  /** The outlines whose picture differs from the truth, as they are shown. */
  private shown = new Map<string, Outline>();
  private hidden = new Set<string>();
  private waiting: readonly Edit[] = [];
  private loaded: Extent | null = null;
  revision = 0;

  /** What the server last said about an outline. */
  outline(id: string): Outline | undefined {
    return this.truth.get(id);
  }

  /** The outline as it is shown: with the operations that wait. */
  current(id: string): Outline | undefined {
    return this.hidden.has(id) ? undefined : (this.shown.get(id) ?? this.truth.get(id));
  }

  get size(): number {
    return this.truth.size;
  }

  ids(): Iterable<string> {
    return this.truth.keys();
  }

  /** Is an extent held, as of a revision? */
  covers(extent: Extent, revision: number): boolean {
    return this.loaded !== null && revision <= this.revision && containsExtent(this.loaded, extent);
  }

  clear(): void {
    this.truth.clear();
    this.shown.clear();
    this.hidden.clear();
    this.waiting = [];
    this.loaded = null;
    this.revision = 0;
    this.source.clear();
    this.sketches.clear();
  }

  /** Take over everything in an extent; what lies outside is let go, except the outlines in `keep`. */
  fill(outlines: Outline[], extent: Extent, revision: number, keep: ReadonlySet<string>): void {
    const here = new Set(outlines.map((outline) => outline.id));
    for (const id of [...this.truth.keys()]) if (!here.has(id) && !keep.has(id)) this.truth.delete(id);
    const changed: string[] = [];
    for (const outline of outlines) {
      if (this.truth.get(outline.id)?.properties.version === outline.properties.version) continue;
      this.truth.set(outline.id, outline);
      changed.push(outline.id);
    }
    this.loaded = extent;
    this.revision = revision;
    this.show(changed);
  }

  /** Too many here: nothing is held any more, but the outlines in `keep`. */
  empty(keep: ReadonlySet<string>): void {
    for (const id of [...this.truth.keys()]) if (!keep.has(id)) this.truth.delete(id);
    this.loaded = null;
    this.show([...this.truth.keys()]);
  }

  /** An operation's answer: the changed outlines as the server made them. */
  apply(answer: Pick<Answer, "features" | "removed">): void {
    for (const id of answer.removed) this.truth.delete(id);
    for (const outline of answer.features) {
      // An older answer may come in late: versions only rise, also by undo.
      const held = this.truth.get(outline.id)?.properties.version ?? 0;
      if (outline.properties.version >= held) this.truth.set(outline.id, outline);
    }
    this.show([...answer.removed, ...answer.features.map((outline) => outline.id)]);
  }

  /** The operations that wait for their answer, in order. */
  wait(edits: readonly Edit[]): void {
    this.waiting = edits;
    this.show([]);
  }

  /** Draw everything as it should be: after a drag that was given up. */
  redraw(): void {
    this.show([...this.truth.keys()]);
  }

  /** Draw what is different: the outlines named, and those that the waiting edits change or no longer change. */
  private show(ids: string[]): void {
    const played: Replayed = replay(this.truth, this.waiting);
    const stale = new Set<string>([...ids, ...this.shown.keys(), ...this.hidden, ...played.changed.keys()]);
    for (const id of played.removed) stale.add(id);
    this.shown = played.changed;
    this.hidden = played.removed;
    for (const id of stale) this.draw(id);
    this.dropGone();
    this.drawSketches(played);
  }

  private draw(id: string): void {
    const outline = this.current(id);
    const drawn = this.source.getFeatureById(id) as OutlineFeature | null;
    if (!outline) {
      if (drawn) this.source.removeFeature(drawn);
      return;
    }
    const values = { class: outline.properties.class, waiting: this.shown.has(id) };
    if (drawn) {
      drawn.setProperties(values, true);
      drawn.setGeometry(toGeometry(outline.geometry));
      return;
    }
    const feature: OutlineFeature = new Feature({ geometry: toGeometry(outline.geometry), ...values });
    feature.setId(id);
    this.source.addFeature(feature);
  }

  private dropGone(): void {
    const gone = this.source.getFeatures().filter((feature) => !this.truth.has(String(feature.getId())));
    if (gone.length > 0) this.source.removeFeatures(gone);
  }

  private drawSketches(played: Replayed): void {
    this.sketches.clear();
    for (const { geometry, edit } of played.sketches) {
      const sketch = new Feature(toShape(geometry));
      sketch.set("operation", edit.operation);
      sketch.set("class", edit.class ?? 0);
      this.sketches.addFeature(sketch);
    }
  }
}
