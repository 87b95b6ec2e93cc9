/** Moving, making and deleting vertices: every outline that has the vertex follows while it is dragged. */

import Feature from "ol/Feature";
import { Point } from "ol/geom";
import PointerInteraction from "ol/interaction/Pointer";
import VectorLayer from "ol/layer/Vector";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import VectorSource from "ol/source/Vector";

import type { Editor } from "./editor";
import { distance, nearestEdge, planeArea, position, samePosition } from "./geometry";
import type { Move, Outline, Position } from "./operations";
import { around, groundReach, hitAt, mainButton, REACH_PX, type Hit } from "./pointing";
import { toGeometry } from "./outlines";
import { pickAt } from "./pick";
import { moved } from "./provisional";
import { handleStyle } from "./style";
import type { Tool } from "./tool";

export type VertexMode = "move" | "insert" | "delete";

interface Drag {
  from: Position;
  to: Position;
  /** The outlines that have the vertex or the edge, as they were. */
  outlines: Outline[];
  startPixel: Position;
  far: boolean;
}

const CLICK_PX = 3;

class VertexInteraction extends PointerInteraction {
  hover: Hit | null = null;
  private drag: Drag | null = null;
  private readonly handle = new Feature<Point>();
  readonly layer = new VectorLayer({
    source: new VectorSource({ features: [this.handle], wrapX: false }),
    style: () => handleStyle(this.hover !== null && this.hover.edge === null),
    updateWhileInteracting: true,
    zIndex: 1000,
  });

  constructor(
    private readonly editor: Editor,
    private readonly mode: VertexMode,
    private readonly view: { current: string | null },
  ) {
    super();
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
    const hit = this.find(event);
    if (!hit) return false;
    this.hover = hit;
    this.point(hit.at);
    this.drag = { from: hit.at, to: hit.at, outlines: this.sharing(hit), startPixel: position(event.pixel), far: false };
    return true;
  }

  /** All outlines that have the vertex, or along whose edge the point lies. */
  private sharing(hit: Hit): Outline[] {
    if (!hit.edge) return this.editor.having(hit.at);
    return around(this.editor, hit.at, 0.01).filter((o) => nearestEdge(o.geometry, hit.at, 0.01) !== null);
  }

  protected override handleDragEvent(event: MapBrowserEvent): void {
    const drag = this.drag;
    if (!drag || this.mode !== "move") return;
    drag.far ||= distance(position(event.pixel), drag.startPixel) > CLICK_PX;
    if (!drag.far) return;
    drag.to = this.snapped(event, drag);
    this.point(drag.to);
    this.follow(drag);
  }

  /** Onto another outline's vertex or edge near the pointer; Alt lets go. */
  private snapped(event: MapBrowserEvent, drag: Drag): Position {
    const at = position(event.coordinate);
    if (event.originalEvent.altKey) return at;
    const own = new Set(drag.outlines.map((outline) => outline.id));
    const reach = groundReach(event.map, REACH_PX * 0.8);
    const hit = hitAt(this.editor, at, reach, (outline) => !own.has(outline.id));
    return hit && distance(hit.at, drag.from) > reach ? hit.at : at;
  }

  /** Show the outlines with the vertex where it is now. */
  private follow(drag: Drag): void {
    let area = 0;
    const move: Move = [drag.from, drag.to];
    for (const outline of drag.outlines) {
      const after = moved(outline, [move]);
      const drawn = this.editor.outlines.source.getFeatureById(outline.id);
      if (!after || !drawn || Array.isArray(drawn)) continue;
      drawn.setGeometry(toGeometry(after.geometry));
      // What one loses along a shared edge the other gains: with none chosen, tell it of the one that was grabbed.
      if (this.editor.selection.size === 0 ? outline.id === this.hover?.outline.id : this.editor.selection.has(outline.id)) {
        area += planeArea(after.geometry) - planeArea(outline.geometry);
      }
    }
    this.editor.live(area);
  }

  protected override handleUpEvent(event: MapBrowserEvent): boolean {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return false;
    this.editor.live(null);
    const features = drag.outlines.map((outline) => outline.id);
    if (this.mode === "insert") this.at("insert_vertex", features, drag.from);
    else if (this.mode === "delete" || (!drag.far && event.originalEvent.altKey && !this.hover?.edge)) {
      this.at("delete_vertex", features, drag.from);
    } else if (drag.far && !samePosition(drag.from, drag.to)) {
      void this.editor.perform({ operation: "move_vertices", features, moves: [[drag.from, drag.to]] });
    } else pickAt(this.editor, event);
    return false;
  }

  private at(operation: "insert_vertex" | "delete_vertex", features: string[], vertex: Position): void {
    void this.editor.perform({ operation, features, geometry: { type: "Point", coordinates: vertex } });
    this.hover = null;
    this.point(null);
  }

  /** Put a vertex that is being dragged back. */
  putBack(): boolean {
    if (!this.drag) return false;
    this.drag = null;
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
    hint: "Drag a vertex, or an edge to bend it. Delete removes the vertex under the pointer, Alt stops snapping.",
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
  }

  stop(): void {
    if (!this.interaction) return;
    this.interaction.putBack();
    this.editor.place.map.removeInteraction(this.interaction);
    this.editor.place.map.removeLayer(this.interaction.layer);
    this.editor.place.map.getTargetElement()?.classList.remove("on-handle");
    this.interaction = null;
    this.view.current = null;
  }

  cancel(): boolean {
    return this.interaction?.putBack() ?? false;
  }

  remove(): boolean {
    return this.interaction?.removeHovered() ?? false;
  }
}
