/** Layers of outlines as vector tiles in the layer's own CRS. */

import type { FeatureLike } from "ol/Feature";
import MVT from "ol/format/MVT";
import VectorTileLayer from "ol/layer/VectorTile";
import VectorTileSource from "ol/source/VectorTile";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import TileGrid from "ol/tilegrid/TileGrid";
import { ROOT, ask, type Layer, type TileGridAnswer } from "./api";
import { HALO, colourOf, hatch } from "./colours";
import { projectionOf } from "./projection";

const DASHES: Record<Layer["kind"], number[] | undefined> = { inventory: undefined, proposal: [6, 4], reference: [2, 4] };

/** Styles of a kind of layer by class: a white line beneath, so that outlines read over snow and over rock. */
export function stylesOf(kind: Layer["kind"]): (feature: FeatureLike) => Style[] {
  const made = [1, 2].map((value) => [
    new Style({
      stroke: new Stroke({ color: HALO, width: 3.5 }),
      fill: new Fill({ color: value === 2 ? hatch("rgba(213,94,0,0.55)") : "rgba(0,114,178,0.10)" }),
    }),
    new Style({ stroke: new Stroke({ color: colourOf(value), width: 1.8, lineDash: DASHES[kind] }) }),
  ]);
  return (feature) => made[feature.get("class") === 2 ? 1 : 0] ?? [];
}

/** The vector tiles of a layer; tiles are asked for anew when the layer has a new revision. */
export async function outlineLayer(layer: Layer): Promise<VectorTileLayer> {
  const grid = await ask<TileGridAnswer>("GET", `/inventories/${layer.id}/tilegrid`);
  const source = new VectorTileSource({
    format: new MVT({ idProperty: "id" }),
    projection: projectionOf(layer.crs, layer.bounds ?? [0, 0, 1e6, 1e7]),
    tileGrid: new TileGrid({ origin: grid.origin, resolutions: grid.resolutions, tileSize: grid.tile_size }),
    tileUrlFunction: ([z, x, y]) => urlOf(layer.id, layer.revision, z, x, y),
    wrapX: false,
    transition: 0,
  });
  return new VectorTileLayer({ source, style: stylesOf(layer.kind), renderMode: "vector", declutter: false });
}

/** Ask for the tiles of a new revision. */
export function renew(drawn: VectorTileLayer, layer: Layer): void {
  drawn.getSource()?.setTileUrlFunction(([z, x, y]) => urlOf(layer.id, layer.revision, z, x, y), String(layer.revision));
}

function urlOf(id: string, revision: number, z?: number, x?: number, y?: number): string {
  return `${ROOT}/inventories/${id}/tiles/${z}/${x}/${y}.mvt?at=${revision}`;
}
