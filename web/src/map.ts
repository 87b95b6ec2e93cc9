/** The map: the scene beneath, rasters and outlines above, in the scene's own CRS. */

import OlMap from "ol/Map";
import View from "ol/View";
import ScaleLine from "ol/control/ScaleLine";
import Zoom from "ol/control/Zoom";
import type BaseLayer from "ol/layer/Base";
import LayerGroup from "ol/layer/Group";
import type { Scene } from "./api";
import { Basemap } from "./basemap";
import type { ServerEvents } from "./events";
import { notify } from "./notices";
import { OutlineGroup } from "./outline_group";
import { projectionOf } from "./projection";
import { RowBands } from "./row_bands";
import { SceneView } from "./scene_layer";
import type { State } from "./state";

export class MapView {
  readonly map: OlMap;
  readonly outlines: OutlineGroup;
  readonly scene: SceneView;
  private readonly ground = new LayerGroup({ zIndex: 0 });

  constructor(
    target: HTMLElement,
    private readonly state: State,
    events: ServerEvents,
  ) {
    this.outlines = new OutlineGroup(state);
    const bands = new RowBands(state, events);
    this.map = new OlMap({
      target,
      layers: [this.ground, bands.group, this.outlines.group],
      controls: [new Zoom({ zoomInTipLabel: "Zoom in", zoomOutTipLabel: "Zoom out" }), new ScaleLine({ minWidth: 80 })],
    });
    this.scene = new SceneView(
      (next, before) => this.placed(next, before),
      (message) => notify(message, "error"),
    );
    const look = (): void => this.look();
    for (const each of [state.look, state.sceneOpacity]) each.onChange(look);
    state.scene.follow((scene) => this.enter(scene));
    new Basemap(state, this.map);
  }

  /** Look at a whole extent. */
  fit(bounds: number[]): void {
    this.map.getView().fit(bounds, { padding: [24, 24, 24, 24], duration: 250 });
  }

  private enter(scene: Scene | null): void {
    if (!scene) return;
    const projection = projectionOf(scene.crs, scene.bounds);
    const view = this.map.getView();
    if (view.getProjection().getCode() === projection.getCode() && this.holds(scene)) {
      return; // another date of the same place: the person goes on looking where they look
    }
    const [minX, minY, maxX, maxY] = scene.bounds;
    const widest = Math.max(maxX - minX, maxY - minY);
    const next = new View({ projection, center: [(minX + maxX) / 2, (minY + maxY) / 2], minResolution: scene.resolution / 32, maxResolution: widest / 100, resolution: widest / 800 });
    this.map.setView(next);
    next.fit(scene.bounds, { size: this.map.getSize(), padding: [24, 24, 24, 24] });
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
    next.set("side", "scene");
    layers.push(next);
    if (!before) return;
    // The one before goes when the next one is there, so that the map does not blink.
    this.map.once("rendercomplete", () => {
      layers.remove(before);
      before.dispose();
    });
  }
}
