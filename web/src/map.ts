/** The map: the scene beneath, layers of outlines above, in the scene's own CRS; a second one for comparison. */

import OlMap from "ol/Map";
import View from "ol/View";
import ScaleLine from "ol/control/ScaleLine";
import Zoom from "ol/control/Zoom";
import type BaseLayer from "ol/layer/Base";
import ImageLayer from "ol/layer/Image";
import LayerGroup from "ol/layer/Group";
import VectorTileLayer from "ol/layer/VectorTile";
import ImageStatic from "ol/source/ImageStatic";
import type { Layer, Scene } from "./api";
import type { BandEvent, ServerEvents } from "./events";
import { notify } from "./notices";
import { outlineLayer, renew } from "./outline_layer";
import { codeOf, projectionOf } from "./projection";
import { SceneView } from "./scene_layer";
import type { State } from "./state";

export class MapView {
  readonly map: OlMap;
  readonly overlays = new LayerGroup();
  private readonly ground = new LayerGroup();
  private readonly bands = new LayerGroup();
  private readonly drawn = new Map<string, VectorTileLayer>();
  private readonly scene: SceneView;

  constructor(
    target: HTMLElement,
    private readonly state: State,
    events: ServerEvents,
  ) {
    this.map = new OlMap({
      target,
      layers: [this.ground, this.bands, this.overlays],
      controls: [new Zoom(), new ScaleLine({ minWidth: 80 })],
    });
    this.scene = new SceneView(
      (next, before) => this.placed(next, before),
      (message) => notify(message, "error"),
    );
    const look = (): void => this.look();
    for (const each of [state.look, state.sceneOpacity]) each.onChange(look);
    state.scene.follow((scene) => this.enter(scene));
    for (const each of [state.layers, state.scene]) each.onChange(() => void this.layers());
    for (const each of [state.shown, state.overlaysHidden]) each.onChange(() => this.visibility());
    events.onRowBand((band) => this.band(band));
    state.jobs.onChange((jobs) => {
      if (!jobs.some((job) => job.state === "running")) this.bands.getLayers().clear();
    });
  }

  /** Look at a whole extent. */
  fit(bounds: number[]): void {
    this.map.getView().fit(bounds, { padding: [20, 20, 20, 20], maxZoom: 20 });
  }

  private enter(scene: Scene | null): void {
    if (!scene) return;
    const projection = projectionOf(scene.crs, scene.bounds);
    const view = this.map.getView();
    if (view.getProjection().getCode() === projection.getCode() && this.holds(scene)) {
      return; // another date of the same place: the person goes on looking where they look
    }
    this.map.setView(new View({ projection, constrainResolution: false, minResolution: scene.resolution / 16, showFullExtent: true }));
    this.fit(scene.bounds);
  }

  private holds(scene: Scene): boolean {
    const centre = this.map.getView().getCenter();
    if (!centre) return false;
    const [x = 0, y = 0] = centre;
    const [minX, minY, maxX, maxY] = scene.bounds;
    return x >= minX && x <= maxX && y >= minY && y <= maxY;
  }

  private look(): void {
    const { scene, look, sceneOpacity } = this.state;
    if (scene.value && look.value) void this.scene.show(scene.value, look.value, sceneOpacity.value);
  }

  private placed(next: BaseLayer, before: BaseLayer | null): void {
    const layers = this.ground.getLayers();
    layers.push(next);
    if (!before) return;
    // The one before goes when the next one is there, so that the map does not blink.
    this.map.once("rendercomplete", () => {
      layers.remove(before);
      before.dispose();
    });
  }

  /** Bring the drawn layers in line with the list: those of the scene's CRS are drawn. */
  private async layers(): Promise<void> {
    const { layers, scene } = this.state;
    const here = scene.value ? codeOf(scene.value.crs) : "";
    const wanted = layers.value.filter((layer) => codeOf(layer.crs) === here);
    for (const [id, layer] of this.drawn) {
      if (!wanted.some((each) => each.id === id)) {
        this.overlays.getLayers().remove(layer);
        this.drawn.delete(id);
      }
    }
    for (const layer of wanted) {
      const known = this.drawn.get(layer.id);
      if (known) this.renewed(known, layer);
      else await this.add(layer);
    }
    this.visibility();
  }

  private renewed(drawn: VectorTileLayer, layer: Layer): void {
    if (drawn.get("revision") === layer.revision) return;
    drawn.set("revision", layer.revision);
    renew(drawn, layer);
  }

  private async add(layer: Layer): Promise<void> {
    const made = await outlineLayer(layer);
    if (this.drawn.has(layer.id)) return;
    made.set("id", layer.id);
    made.set("revision", layer.revision);
    this.drawn.set(layer.id, made);
    this.overlays.getLayers().push(made);
  }

  private visibility(): void {
    for (const [id, layer] of this.drawn) {
      const shown = this.state.shownOf(id);
      layer.setVisible(shown.visible && !this.state.overlaysHidden.value);
      layer.setOpacity(shown.opacity);
    }
  }

  private band(band: BandEvent): void {
    const scene = this.state.scene.value;
    const job = this.state.jobs.value.find((each) => each.id === band.job);
    if (!scene || !job || job.state !== "running" || job.scene !== scene.id) return;
    const source = new ImageStatic({ url: band.image, imageExtent: band.bounds, projection: codeOf(scene.crs), interpolate: false });
    this.bands.getLayers().push(new ImageLayer({ source, opacity: 0.8 }));
  }
}
