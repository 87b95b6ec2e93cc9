/** Moving, making and deleting vertices: every outline that has the vertex follows while it is dragged. */

import Feature from "ol/Feature";
import { unByKey } from "ol/Observable";
import type { EventsKey } from "ol/events";
import { Point } from "ol/geom";
import PointerInteraction from "ol/interaction/Pointer";
import VectorLayer from "ol/layer/Vector";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import VectorSource from "ol/source/Vector";

import type { Editor } from "./editor";
import { distance, nearestEdge, onGrid, planeArea, position, samePosition } from "./geometry";
import type { Move, Outline, Position } from "./operations";
import { around, groundReach, hitAt, mainButton, REACH_PX, type Hit } from "./pointing";
import { toGeometry } from "./outlines";
import { pickAt } from "./pick";
import { moved } from "./provisional";
import { handleStyle } from "./style";
import type { Tool } from "./tool";
import { VertexSelection, keyOf, verticesOf } from "./vertex_selection";

export type VertexMode = "move" | "insert" | "delete";

interface Drag {
  /** Where the grabbed vertex was and is. */
  from: Position;
  to: Position;
  /** Where all were that move: the grabbed one, or all that are chosen. */
  starts: Position[];
  /** The outlines that have any of them on a vertex or an edge, as they were, with those that they have. */
  outlines: { outline: Outline; starts: Position[] }[];
  startPixel: Position;
  far: boolean;
}

/** A box that is being drawn around vertices. */
interface Box {
  corners: [Position, Position];
  startPixel: Position;
  far: boolean;
}

const CLICK_PX = 3;

class VertexInteraction extends PointerInteraction {
  hover: Hit | null = null;
  private drag: Drag | null = null;
  private box: Box | null = null;
  readonly chosen: VertexSelection;
  private readonly handle = new Feature<Point>();
  readonly layer = new VectorLayer({
    source: new VectorSource({ features: [this.handle], wrapX: false }),
    style: () => handleStyle(this.hover !== null && this.hover.edge === null),
    updateWhileInteracting: true,
    zIndex: 1000,
  });

  readonly chosenLayer: VectorLayer;
  private readonly watching: EventsKey;

  constructor(
    private readonly editor: Editor,
    private readonly mode: VertexMode,
    private readonly view: { current: string | null },
  ) {
    super();
    this.chosen = new VertexSelection(editor);
    this.chosenLayer = new VectorLayer({ source: this.chosen.source, updateWhileInteracting: true, zIndex: 990 });
    this.watching = editor.outlines.source.on("change", () => this.letGo());
  }

  end(): void {
    this.putBack();
    this.chosen.end();
    unByKey(this.watching);
  }

  /** Outlines are different (by Ctrl+Z, or by others): there may be no edge under the handle any more. */
  private letGo(): void {
    const at = this.hover?.at;
    if (!at || this.drag || around(this.editor, at, 0.01).some((outline) => nearestEdge(outline.geometry, at, 0.01))) return;
    this.hover = null;
    this.point(null);
  }

  private point(at: Position | null): void {
    this.handle.setGeometry(at ? new Point([...at]) : undefined);
  }

  private find(event: MapBrowserEvent): Hit | null {
    const hit = hitAt(this.editor, position(event.coordinate), groundReach(event.map, REACH_PX), () => true);
    if (!hit) return null;
    if (this.mode === "delete" && hit.edge) return null;
    return this.mode === "insert" && !hit.edge ? null : hit;
  }

  protected override handleMoveEvent(event: MapBrowserEvent): void {
    if (this.editor.blocked) return;
    this.hover = this.find(event);
    this.point(this.hover?.at ?? null);
    const under = this.hover?.outline.id ?? null;
    if (under !== this.view.current) {
      this.view.current = under;
      this.editor.changed();
    }
    event.map.getTargetElement()?.classList.toggle("on-handle", this.hover !== null);
  }

  protected override handleDownEvent(event: MapBrowserEvent): boolean {
    if (this.editor.blocked || !mainButton(event)) return false;
    const startPixel = position(event.pixel);
    if (this.mode === "move" && event.originalEvent.shiftKey) {
      const corner = position(event.coordinate);
      this.box = { corners: [corner, corner], startPixel, far: false };
      return true;
    }
    const hit = this.find(event);
    if (!hit) return false;
    this.hover = hit;
    this.point(hit.at);
    const starts = !hit.edge && this.chosen.has(hit.at) ? this.chosen.positions : [hit.at];
    this.drag = { from: hit.at, to: hit.at, starts, outlines: this.sharing(starts), startPixel, far: false };
    return true;
  }

  /** All outlines that have any of the places as a vertex, or along whose edge one lies. */
  private sharing(starts: Position[]): Drag["outlines"] {
    const found = new Map<string, { outline: Outline; vertices: Map<string, Position>; starts: Position[] }>();
    for (const start of starts) {
      for (const outline of around(this.editor, start, 0.01)) {
        const known = found.get(outline.id) ?? { outline, vertices: verticesOf(outline), starts: [] };
        found.set(outline.id, known);
        if (known.vertices.has(keyOf(start)) || nearestEdge(outline.geometry, start, 0.01)) known.starts.push(start);
      }
    }
    return [...found.values()].filter((each) => each.starts.length > 0);
  }

  protected override handleDragEvent(event: MapBrowserEvent): void {
    const held = this.box ?? this.drag;
    if (!held || this.mode !== "move") return;
    held.far ||= distance(position(event.pixel), held.startPixel) > CLICK_PX;
    if (!held.far) return;
    if (this.box) {
      this.box.corners[1] = position(event.coordinate);
      this.chosen.frame(this.box.corners);
    } else if (this.drag) {
      this.drag.to = onGrid(this.snapped(event, this.drag));
      this.point(this.drag.to);
      this.follow(this.drag);
    }
  }

  /** Onto another outline's vertex or edge near the pointer; Alt lets go. */
  private snapped(event: MapBrowserEvent, drag: Drag): Position {
    const at = position(event.coordinate);
    if (event.originalEvent.altKey) return at;
    const own = new Set(drag.outlines.map(({ outline }) => outline.id));
    const reach = groundReach(event.map, REACH_PX * 0.8);
    const hit = hitAt(this.editor, at, reach, (outline) => !own.has(outline.id));
    return hit && distance(hit.at, drag.from) > reach ? hit.at : at;
  }

  /** Places that are dragged, from where to where: all by the same step. */
  private moves({ from, to }: Drag, starts: Position[]): Move[] {
    return starts.map((start) => [start, onGrid([start[0] + to[0] - from[0], start[1] + to[1] - from[1]])]);
  }

  /** Show the outlines with the vertices where they are now. */
  private follow(drag: Drag): void {
    let area = 0;
    for (const { outline, starts } of drag.outlines) {
      const after = moved(outline, this.moves(drag, starts));
      const drawn = this.editor.outlines.source.getFeatureById(outline.id);
      if (!after || !drawn || Array.isArray(drawn)) continue;
      drawn.setGeometry(toGeometry(after.geometry));
      // What one loses along a shared edge the other gains: with none chosen, tell it of the one that was grabbed.
      if (this.editor.selection.size === 0 ? outline.id === this.hover?.outline.id : this.editor.selection.has(outline.id)) {
        area += planeArea(after.geometry) - planeArea(outline.geometry);
      }
    }
    if (this.chosen.has(drag.from)) this.chosen.drag(this.moves(drag, drag.starts).map(([, end]) => end));
    this.editor.live(area);
  }

  protected override handleUpEvent(event: MapBrowserEvent): boolean {
    const [drag, box] = [this.drag, this.box];
    this.drag = this.box = null;
    if (box) this.endBox(box, event);
    if (drag) this.endDrag(drag, event);
    return false;
  }

  /** A box chooses the vertices in it; Shift and a click the vertex there, or the outline. */
  private endBox(box: Box, event: MapBrowserEvent): void {
    this.chosen.frame(null);
    if (box.far) return this.chosen.addWithin(box.corners);
    const hit = this.find(event);
    if (hit && !hit.edge) this.chosen.toggle(hit.at);
    else pickAt(this.editor, event);
  }

  private endDrag(drag: Drag, event: MapBrowserEvent): void {
    this.editor.live(null);
    const features = drag.outlines.map(({ outline }) => outline.id);
    if (this.mode === "insert") this.at("insert_vertex", features, drag.from);
    else if (this.mode === "delete" || (!drag.far && event.originalEvent.altKey && !this.hover?.edge)) {
      this.at("delete_vertex", features, drag.from);
    } else if (drag.far && !samePosition(drag.from, drag.to)) this.move(drag, features);
    else {
      this.chosen.drop();
      this.chosen.clear();
      pickAt(this.editor, event);
    }
  }

  private move(drag: Drag, features: string[]): void {
    const moves = this.moves(drag, drag.starts);
    this.chosen.set(this.chosen.has(drag.from) ? moves.map(([, end]) => end) : []);
    // No outline has these vertices before the outbox has written the move down.
    this.chosen.drag(this.chosen.positions);
    void this.editor.perform({ operation: "move_vertices", features, moves }).then(() => this.chosen.drop());
  }

  private at(operation: "insert_vertex" | "delete_vertex", features: string[], vertex: Position): void {
    void this.editor.perform({ operation, features, geometry: { type: "Point", coordinates: vertex } });
    this.hover = null;
    this.point(null);
  }

  /** Put what is being dragged back. */
  putBack(): boolean {
    if (!this.drag && !this.box) return false;
    this.drag = this.box = null;
    this.chosen.frame(null);
    this.chosen.drop();
    this.editor.live(null);
    this.editor.outlines.redraw();
    return true;
  }

  /** Delete the vertex under the pointer. */
  removeHovered(): boolean {
    const hit = this.hover;
    if (!hit || hit.edge) return false;
    this.at("delete_vertex", this.editor.having(hit.at).map((outline) => outline.id), hit.at);
    return true;
  }
}

const WORDS: Record<VertexMode, { id: string; title: string; key: string; hint: string }> = {
  move: {
    id: "vertices",
    title: "Edit vertices",
    key: "e",
    hint: "Drag a vertex, or an edge to bend it. Shift and a box, or Shift and a click, choose several: they move together. Delete removes the vertex under the pointer, Alt stops snapping.",
  },
  insert: { id: "insert-vertex", title: "Insert vertex", key: "i", hint: "Click an edge." },
  delete: { id: "delete-vertex", title: "Delete vertex", key: "x", hint: "Click a vertex." },
};

export class VertexTool implements Tool {
  readonly id: string;
  readonly title: string;
  readonly key: string;
  readonly hint: string;
  readonly edits = true;
  private interaction: VertexInteraction | null = null;

  /** `view.current` is the outline whose vertices are shown, beside the chosen ones. */
  constructor(
    private readonly editor: Editor,
    private readonly mode: VertexMode,
    private readonly view: { current: string | null },
  ) {
    ({ id: this.id, title: this.title, key: this.key, hint: this.hint } = WORDS[mode]);
  }

  start(): void {
    this.interaction = new VertexInteraction(this.editor, this.mode, this.view);
    this.editor.place.map.addInteraction(this.interaction);
    this.editor.place.map.addLayer(this.interaction.layer);
    this.editor.place.map.addLayer(this.interaction.chosenLayer);
  }

  stop(): void {
    if (!this.interaction) return;
    this.interaction.end();
    this.editor.place.map.removeInteraction(this.interaction);
    this.editor.place.map.removeLayer(this.interaction.layer);
    this.editor.place.map.removeLayer(this.interaction.chosenLayer);
    this.editor.place.map.getTargetElement()?.classList.remove("on-handle");
    this.interaction = null;
    this.view.current = null;
  }

  cancel(): boolean {
    return this.interaction ? this.interaction.putBack() || this.interaction.chosen.clear() : false;
  }

  remove(): boolean {
    return this.interaction?.removeHovered() ?? false;
  }
}
