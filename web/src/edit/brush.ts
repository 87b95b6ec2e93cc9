/** A round brush that adds ground to an outline or takes it away. */

import Feature from "ol/Feature";
import { LineString } from "ol/geom";
import CircleGeometry from "ol/geom/Circle";
import PointerInteraction from "ol/interaction/Pointer";
import VectorLayer from "ol/layer/Vector";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import VectorSource from "ol/source/Vector";
import { Fill, Stroke, Style } from "ol/style";

import type { Editor } from "./editor";
import { distance, overlaps, position } from "./geometry";
import type { Edit, PolygonGeometry, Position } from "./operations";
import { mainButton, outlineAt } from "./pointing";
import { sweep } from "./sweep";
import type { Tool } from "./tool";

export const SMALLEST_BRUSH_M = 5;
export const LARGEST_BRUSH_M = 2000;

const COLOURS = { add: "rgba(0,150,90,0.45)", remove: "rgba(200,30,60,0.45)" };

/** The correction that a painted area asks for, or why there is none. Used by the brush and by segments. */
export function paintedEdit(editor: Editor, mode: "add" | "remove", area: PolygonGeometry, start: Position): Edit | string {
  const chosen = editor.chosen();
  if (mode === "remove") {
    const candidates = chosen.length > 0 ? chosen : editor.shown();
    const features = candidates.filter((o) => overlaps(o.geometry, area)).map((o) => o.id);
    return features.length > 0 ? { operation: "remove", features, geometry: area } : "There is no outline to take this from";
  }
  if (chosen.length > 1) return "Choose one outline to add ground to";
  const target = chosen[0] ?? outlineAt(editor, start);
  const { overwrite } = editor;
  if (target) return { operation: "add", features: [target.id], geometry: area, overwrite };
  return { operation: "draw", features: [], geometry: area, class: editor.drawClass, overwrite };
}

class BrushInteraction extends PointerInteraction {
  private path: Position[] = [];
  private readonly cursor = new Feature<CircleGeometry>();
  private readonly stroke = new Feature<LineString>();
  readonly layer: VectorLayer;

  constructor(
    private readonly editor: Editor,
    private readonly mode: "add" | "remove",
    private readonly radius: () => number,
  ) {
    super();
    this.layer = new VectorLayer({
      source: new VectorSource({ features: [this.stroke, this.cursor], wrapX: false }),
      style: (feature, resolution) => this.style(feature === this.cursor, resolution),
      updateWhileInteracting: true,
      zIndex: 1000,
    });
  }

  private style(isCursor: boolean, resolution: number): Style {
    const color = COLOURS[this.mode];
    if (isCursor) {
      return new Style({ stroke: new Stroke({ color: "#111", width: 1.5 }), fill: new Fill({ color: "rgba(255,255,255,0.25)" }) });
    }
    return new Style({ stroke: new Stroke({ color, width: (2 * this.radius()) / resolution, lineCap: "round", lineJoin: "round" }) });
  }

  show(at: Position): void {
    this.cursor.setGeometry(new CircleGeometry([...at], this.radius()));
  }

  resized(): void {
    const at = this.cursor.getGeometry()?.getCenter();
    if (at) this.show(position(at));
  }

  protected override handleMoveEvent(event: MapBrowserEvent): void {
    this.show(position(event.coordinate));
  }

  protected override handleDownEvent(event: MapBrowserEvent): boolean {
    if (this.editor.blocked || !mainButton(event)) return false;
    this.path = [position(event.coordinate)];
    this.drawStroke();
    return true;
  }

  protected override handleDragEvent(event: MapBrowserEvent): void {
    this.show(position(event.coordinate));
    const resolution = event.map.getView().getResolution() ?? 1;
    const [at, last] = [position(event.coordinate), this.path.at(-1)];
    if (!last || distance(last, at) < resolution) return;
    this.path.push(at);
    this.drawStroke();
  }

  private drawStroke(): void {
    const points = this.path.length === 1 ? [...this.path, ...this.path] : this.path; // a dot is a line on the spot
    this.stroke.setGeometry(new LineString(points));
  }

  protected override handleUpEvent(event: MapBrowserEvent): boolean {
    const path = this.path;
    this.give();
    const [start] = path;
    if (!start) return false;
    const area = sweep(path, this.radius(), event.map.getView().getResolution() ?? 1);
    const edit = paintedEdit(this.editor, this.mode, area, start);
    if (typeof edit === "string") this.editor.place.notify(edit, "warning");
    else void this.editor.perform(edit);
    return false;
  }

  /** Give up a stroke. */
  give(): boolean {
    const had = this.path.length > 0;
    this.path = [];
    this.stroke.setGeometry(undefined);
    return had;
  }
}

const WORDS = {
  add: { id: "brush-add", title: "Brush: add", key: "b", hint: "Paint ground onto the outline where the stroke starts or the chosen one. [ and ] change the size." },
  remove: { id: "brush-remove", title: "Brush: remove", key: "n", hint: "Paint ground away. [ and ] change the size." },
};

/** The radius both brushes share, metres. */
export class BrushSize {
  radius = 60;
}

export class BrushTool implements Tool {
  readonly id: string;
  readonly title: string;
  readonly key: string;
  readonly hint: string;
  readonly edits = true;
  private interaction: BrushInteraction | null = null;

  constructor(
    private readonly editor: Editor,
    private readonly mode: "add" | "remove",
    readonly size: BrushSize,
  ) {
    ({ id: this.id, title: this.title, key: this.key, hint: this.hint } = WORDS[mode]);
  }

  start(): void {
    this.interaction = new BrushInteraction(this.editor, this.mode, () => this.size.radius);
    this.editor.place.map.addInteraction(this.interaction);
    this.editor.place.map.addLayer(this.interaction.layer);
  }

  stop(): void {
    if (!this.interaction) return;
    this.editor.place.map.removeInteraction(this.interaction);
    this.editor.place.map.removeLayer(this.interaction.layer);
    this.interaction = null;
  }

  cancel(): boolean {
    return this.interaction?.give() ?? false;
  }

  resize(by: 1 | -1): void {
    this.setRadius(this.size.radius * (by > 0 ? 1.25 : 0.8));
  }

  setRadius(metres: number): void {
    this.size.radius = Math.round(Math.min(LARGEST_BRUSH_M, Math.max(SMALLEST_BRUSH_M, metres)));
    this.interaction?.resized();
    this.editor.changed();
  }
}
