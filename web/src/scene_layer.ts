/** A scene on the map: its COG by range requests and WebGL, or pictures from the server where there is no WebGL. */

import type BaseLayer from "ol/layer/Base";
import TileLayer from "ol/layer/Tile";
import WebGLTileLayer from "ol/layer/WebGLTile";
import TileImage from "ol/source/TileImage";
import TileGrid from "ol/tilegrid/TileGrid";
import { ROOT, ask, type Display, type Problem, type Scene, type TileGridAnswer } from "./api";
import { bandOf, bandsFor, styleOf, variablesOf } from "./look";
import { waiting } from "./notices";
import { Pixels, UNKNOWN, type FileBand } from "./pixels";
import { projectionOf } from "./projection";
import type { Look } from "./state";

export const hasWebGL = ((): boolean => {
  try {
    const context = document.createElement("canvas").getContext("webgl2");
    return context !== null && !new URLSearchParams(location.search).has("pictures");
  } catch {
    return false;
  }
})();

const TERRAIN: Readonly<Record<string, FileBand>> = {
  hillshade: { index: 1, nodata: "nan" },
  slope: { index: 2, nodata: "nan" },
};

/** The layer of a scene; it is asked to look otherwise, and is made anew only where other pixels are needed. */
export class SceneView {
  layer: BaseLayer | null = null;
  private key = "";
  private style = "";
  private read: string[] = [];

  constructor(
    private readonly place: (next: BaseLayer, before: BaseLayer | null) => void,
    private readonly failed: (message: string) => void,
  ) {}

  async show(scene: Scene, look: Look, opacity: number): Promise<void> {
    const read = bandsFor(scene, look.recipe);
    const pictured = `${look.recipe.id} ${JSON.stringify(look.stretch)}`;
    const key = `${scene.id} ${look.recipe.kind === "shade" ? "terrain" : "image"} ${hasWebGL ? read.join() : pictured}`;
    if (key !== this.key) {
      this.key = key;
      const made = hasWebGL ? this.drawn(scene, look, read) : await this.pictured(scene, look);
      if (this.key !== key) return; // another look was asked for meanwhile
      this.read = read;
      this.style = JSON.stringify(look.recipe);
      this.place(made, this.layer);
      this.layer = made;
    } else if (this.layer instanceof WebGLTileLayer) {
      const style = JSON.stringify(look.recipe);
      if (style !== this.style) this.layer.setStyle(styleOf(scene, look, this.read));
      else this.layer.updateStyleVariables(variablesOf(look.stretch));
      this.style = style;
    }
    this.layer?.setOpacity(opacity);
  }

  /** Stored numbers under a place of the screen, by band; null where nothing is known of it, or without WebGL. */
  numbers(pixel: number[]): Map<string, number> | null {
    if (!(this.layer instanceof WebGLTileLayer)) return null;
    const data = this.layer.getData(pixel);
    if (!(data instanceof Float32Array)) return null;
    const found = new Map<string, number>();
    this.read.forEach((name, at) => {
      const value = data[at];
      if (value !== undefined && value > UNKNOWN / 10) found.set(name, value);
    });
    return found.size ? found : null;
  }

  private drawn(scene: Scene, look: Look, read: readonly string[]): WebGLTileLayer {
    const terrain = look.recipe.kind === "shade";
    const bands = read.map((name) => (terrain ? TERRAIN[name] : bandOf(scene, name)) ?? { index: 1, nodata: null });
    const url = `${ROOT}/scenes/${scene.id}/${terrain ? "terrain" : "image"}.tif`;
    const source = new Pixels(url, bands, projectionOf(scene.crs, scene.bounds), false);
    source.on("change", () => {
      if (source.getState() === "error") void whyNot(url).then((why) => this.failed(`The pixels of ${scene.name} cannot be read${why}.`));
    });
    if (!terrain) void tellOfCopy(scene, () => source.getState() === "loading");
    return new WebGLTileLayer({ source, style: styleOf(scene, look, read), extent: scene.bounds, cacheSize: 160 });
  }

  private async pictured(scene: Scene, look: Look): Promise<TileLayer> {
    const grid = await ask<TileGridAnswer>("GET", `/scenes/${scene.id}/tilegrid`);
    const lows = look.stretch.ranges.map(([low]) => low).join();
    const highs = look.stretch.ranges.map(([, high]) => high).join();
    const query = new URLSearchParams({ recipe: look.recipe.id, low: lows, high: highs });
    const source = new TileImage({
      projection: projectionOf(scene.crs, scene.bounds),
      tileGrid: new TileGrid({ origin: grid.origin, resolutions: grid.resolutions, tileSize: grid.tile_size }),
      tileUrlFunction: ([z, x, y]) => `${ROOT}/scenes/${scene.id}/tiles/${z}/${x}/${y}.png?${query.toString()}`,
      interpolate: false,
      transition: 0,
    });
    return new TileLayer({ source, extent: scene.bounds });
  }
}

/** Say how far the copy of a scene is that is made when it is first looked at, while it is waited for. */
async function tellOfCopy(scene: Scene, isWaiting: () => boolean): Promise<void> {
  const say = waiting();
  try {
    for (;;) {
      await new Promise((done) => setTimeout(done, 500));
      if (!isWaiting()) return;
      const { is_ready, step, share, seconds } = await ask<Display>("GET", `/scenes/${scene.id}/display`);
      if (is_ready || !isWaiting()) return;
      const far = share === null ? `${Math.round(seconds ?? 0)} s` : `${Math.round(100 * share)} %`;
      say(`${scene.name} is made ready to be looked at, once: ${step ?? "waits"}, ${far}`);
    }
  } catch {
    return; // the pixels cannot be had either, which is told
  } finally {
    say(null);
  }
}

/** What the server says against sending a file. */
async function whyNot(url: string): Promise<string> {
  try {
    const response = await fetch(url, { headers: { range: "bytes=0-0" } });
    return response.ok ? "" : `: ${((await response.json()) as Problem).detail}`;
  } catch {
    return ": the server does not answer";
  }
}
