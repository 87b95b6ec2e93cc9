/** The area of a prediction, drawn as a box or a polygon. */

import type Feature from "ol/Feature";
import GeoJSON from "ol/format/GeoJSON";
import type Polygon from "ol/geom/Polygon";
import DoubleClickZoom from "ol/interaction/DoubleClickZoom";
import Draw, { createBox } from "ol/interaction/Draw";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import VectorSource from "ol/source/Vector";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";

export type AreaKind = "scene" | "box" | "polygon";

export class AreaDrawing {
  private readonly source = new VectorSource<Feature<Polygon>>({ wrapX: false });
  private draw: Draw | null = null;

  constructor(
    private readonly map: OlMap,
    private readonly changed: () => void,
    /** Called before a drawing begins: whatever else takes clicks is put down. */
    private readonly before: () => void,
    /** Called when an area is drawn. */
    private readonly after: () => void,
  ) {
    const style = [
      new Style({ stroke: new Stroke({ color: "#fff", width: 4 }), fill: new Fill({ color: "rgba(255,255,255,0.08)" }) }),
      new Style({ stroke: new Stroke({ color: "#111", width: 2, lineDash: [8, 5] }) }),
    ];
    map.addLayer(new VectorLayer({ source: this.source, style, zIndex: 700 }));
  }

  /** The area in the scene's CRS as GeoJSON; null while there is none. */
  get area(): object | null {
    const drawn = this.source.getFeatures()[0]?.getGeometry();
    return drawn ? (new GeoJSON().writeGeometryObject(drawn) as object) : null;
  }

  /** Square kilometres of the area. */
  get km2(): number {
    return (this.source.getFeatures()[0]?.getGeometry()?.getArea() ?? 0) / 1e6;
  }

  begin(kind: AreaKind): void {
    this.end();
    this.source.clear();
    this.changed();
    if (kind === "scene") return;
    const made = kind === "box" ? new Draw({ type: "Circle", geometryFunction: createBox() }) : new Draw({ type: "Polygon" });
    made.on("drawend", (event) => {
      this.source.clear();
      this.source.addFeature(event.feature as Feature<Polygon>);
      // After the click that ended it is over, or it would choose an outline.
      setTimeout(() => {
        this.end();
        this.after();
      }, 0);
      this.changed();
    });
    this.before();
    this.zoomOnDoubleClick(false);
    this.draw = made;
    this.map.addInteraction(made);
  }

  /** Give the drawing up, keep what is drawn. */
  end(): void {
    if (!this.draw) return;
    this.map.removeInteraction(this.draw);
    this.draw = null;
    this.zoomOnDoubleClick(true);
  }

  private zoomOnDoubleClick(active: boolean): void {
    this.map.getInteractions().forEach((each) => {
      if (each instanceof DoubleClickZoom) each.setActive(active);
    });
  }

  get drawing(): boolean {
    return this.draw !== null;
  }
}
