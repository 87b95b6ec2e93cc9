/** A scene on the map: its COG by range requests and WebGL, or pictures from the server where there is no WebGL. */

import type BaseLayer from "ol/layer/Base";
import TileLayer from "ol/layer/Tile";
import WebGLTileLayer from "ol/layer/WebGLTile";
import GeoTIFF from "ol/source/GeoTIFF";
import TileImage from "ol/source/TileImage";
import TileGrid from "ol/tilegrid/TileGrid";
import { ROOT, ask, type Scene, type TileGridAnswer } from "./api";
import { styleOf, variablesOf } from "./look";
import { projectionOf } from "./projection";
import type { Look } from "./state";

export const hasWebGL = ((): boolean => {
  try {
    return document.createElement("canvas").getContext("webgl2") !== null;
  } catch {
    return false;
  }
})();

/** The layer of a scene; it is asked to look otherwise, and is made anew only where other pixels are needed. */
export class SceneView {
  layer: BaseLayer | null = null;
  private key = "";
  private style = "";

  constructor(
    private readonly place: (next: BaseLayer, before: BaseLayer | null) => void,
    private readonly failed: (message: string) => void,
  ) {}

  async show(scene: Scene, look: Look, opacity: number): Promise<void> {
    const key = `${scene.id} ${look.recipe.kind === "shade" ? "terrain" : "image"} ${hasWebGL ? "" : look.recipe.id}`;
    if (key !== this.key) {
      this.key = key;
      this.style = JSON.stringify(look.recipe);
      const made = hasWebGL ? this.drawn(scene, look) : await this.pictured(scene, look);
      this.place(made, this.layer);
      this.layer = made;
    } else if (this.layer instanceof WebGLTileLayer) {
      const style = JSON.stringify(look.recipe);
      if (style !== this.style) this.layer.setStyle(styleOf(scene, look));
      else this.layer.updateStyleVariables(variablesOf(look.stretch));
      this.style = style;
    }
    this.layer?.setOpacity(opacity);
  }

  private drawn(scene: Scene, look: Look): WebGLTileLayer {
    const file = look.recipe.kind === "shade" ? "terrain" : "image";
    const source = new GeoTIFF({
      // By band: what OpenLayers reads from the file itself it takes for one of each overview.
      sources: [{ url: `${ROOT}/scenes/${scene.id}/${file}.tif`, nodata: file === "image" ? nodataOf(scene) : [NaN, NaN] }],
      projection: projectionOf(scene.crs, scene.bounds),
      normalize: false,
      convertToRGB: false,
      interpolate: false,
      transition: 0,
    });
    source.on("error", () => this.failed(`the pixels of ${scene.name} cannot be read`));
    return new WebGLTileLayer({ source, style: styleOf(scene, look), extent: scene.bounds });
  }

  private async pictured(scene: Scene, look: Look): Promise<TileLayer> {
    const grid = await ask<TileGridAnswer>("GET", `/scenes/${scene.id}/tilegrid`);
    const source = new TileImage({
      projection: projectionOf(scene.crs, scene.bounds),
      tileGrid: new TileGrid({ origin: grid.origin, resolutions: grid.resolutions, tileSize: grid.tile_size }),
      tileUrlFunction: ([z, x, y]) => `${ROOT}/scenes/${scene.id}/tiles/${z}/${x}/${y}.png?recipe=${look.recipe.id}`,
      interpolate: false,
      transition: 0,
    });
    return new TileLayer({ source, extent: scene.bounds });
  }
}

function nodataOf(scene: Scene): (number | undefined)[] {
  return scene.bands.map(({ nodata }) => (nodata === "nan" ? NaN : (nodata ?? undefined)));
}
