/** A click takes the similar pixels around it: shown first, then added to an outline or taken away. */

import Feature from "ol/Feature";
import VectorLayer from "ol/layer/Vector";
import { unByKey } from "ol/Observable";
import type { EventsKey } from "ol/events";
import VectorSource from "ol/source/Vector";

import { ROOT } from "../api";
import { paintedEdit } from "./brush";
import type { Editor } from "./editor";
import { contains, position } from "./geometry";
import type { PolygonGeometry, Position } from "./operations";
import { toShape } from "./outlines";
import { sketchStyle } from "./style";
import type { Tool } from "./tool";

interface SegmentProblem {
  detail?: string;
}

export class SegmentTool implements Tool {
  readonly id = "segment";
  readonly title = "Segment of similar pixels";
  readonly key = "g";
  readonly hint = "Click: similar pixels are outlined. Click in them, or press Enter, to add them; Alt-click or Delete takes them away. [ and ] change how alike.";
  readonly edits = true;
  /** How alike pixels must be; more takes more. */
  tolerance = 1;
  private found: PolygonGeometry | null = null;
  private point: Position | null = null;
  private listening: EventsKey | null = null;
  private asked = 0;
  private readonly source = new VectorSource({ wrapX: false });
  private readonly layer = new VectorLayer({ source: this.source, style: sketchStyle(0), zIndex: 1000 });

  constructor(private readonly editor: Editor) {}

  start(): void {
    const map = this.editor.place.map;
    map.addLayer(this.layer);
    this.listening = map.on("click", (event) => {
      const at = position(event.coordinate);
      const mode = event.originalEvent.altKey ? "remove" : "add";
      if (this.found && contains(this.found, at)) this.use(mode);
      else void this.ask(at);
    });
  }

  stop(): void {
    this.cancel();
    this.editor.place.map.removeLayer(this.layer);
    if (this.listening) unByKey(this.listening);
    this.listening = null;
  }

  private async ask(point: Position): Promise<void> {
    const scene = this.editor.place.scene();
    if (!scene) return this.editor.place.notify("Open a scene: similar pixels are looked for in it", "warning");
    this.point = point;
    const number = ++this.asked;
    const found = await this.fetch(scene, point);
    if (number !== this.asked || this.listening === null) return;
    this.show(found);
  }

  private async fetch(scene: string, point: Position): Promise<PolygonGeometry | null> {
    try {
      const response = await fetch(`${ROOT}/scenes/${scene}/segment`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ point, tolerance: this.tolerance }),
      });
      if (response.ok) return (await response.json()) as PolygonGeometry;
      const problem = (await response.json()) as SegmentProblem;
      this.editor.place.notify(`No segment: ${problem.detail ?? "the server found none"}`, "warning");
    } catch {
      this.editor.place.notify("A segment needs the connection to the server", "warning");
    }
    return null;
  }

  private show(found: PolygonGeometry | null): void {
    this.found = found;
    this.source.clear();
    if (found) this.source.addFeature(new Feature(toShape(found)));
    this.editor.changed();
  }

  get hasSegment(): boolean {
    return this.found !== null;
  }

  /** Add the segment that is shown, or take it away. */
  use(mode: "add" | "remove"): void {
    if (!this.found || !this.point) return;
    const edit = paintedEdit(this.editor, mode, this.found, this.point);
    if (typeof edit === "string") return this.editor.place.notify(edit, "warning");
    this.show(null);
    void this.editor.perform(edit);
  }

  cancel(): boolean {
    const had = this.found !== null;
    this.asked += 1;
    this.show(null);
    return had;
  }

  finish(): void {
    this.use("add");
  }

  remove(): boolean {
    if (!this.found) return false;
    this.use("remove");
    return true;
  }

  resize(by: 1 | -1): void {
    this.setTolerance(this.tolerance * (by > 0 ? 1.25 : 0.8));
  }

  setTolerance(tolerance: number): void {
    this.tolerance = Math.round(Math.min(10, Math.max(0.1, tolerance)) * 100) / 100;
    this.editor.changed();
    if (this.point && this.found) void this.ask(this.point);
  }
}
