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
import { HALO, colourOf, faint, hatch } from "./colours";
import { projectionOf } from "./projection";

const DASHES: Record<Layer["kind"], number[] | undefined> = { inventory: undefined, proposal: [7, 4], reference: [2, 4] };
const WIDTHS: Record<Layer["kind"], number> = { inventory: 1.8, proposal: 1.6, reference: 2.2 };

type StyleOf = (feature: FeatureLike) => Style[];

/**
 * Styles of a kind of layer: a white line beneath, so that outlines read over snow and over rock.
 *
 * By class as a rule; in one colour where a layer has its own, so that two layers over each other can be told apart.
 */
export function stylesOf(kind: Layer["kind"], colour: string | null): StyleOf {
  const made = [1, 2].map((value) => {
    const own = colour ?? colourOf(value);
    const fill = kind === "reference" ? undefined : new Fill({ color: value === 2 ? hatch(faint(own, 0.6)) : faint(own, 0.12) });
    return [
      new Style({ stroke: new Stroke({ color: HALO, width: WIDTHS[kind] + 2 }), fill, zIndex: 0 }),
      new Style({ stroke: new Stroke({ color: own, width: WIDTHS[kind], lineDash: DASHES[kind] }), zIndex: 1 }),
    ];
  });
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
  return new VectorTileLayer({ source, style: stylesOf(layer.kind, null), renderMode: "hybrid", renderBuffer: 40 });
}

/** Ask for the tiles of a new revision. */
export function renew(drawn: VectorTileLayer, layer: Layer): void {
  drawn.getSource()?.setTileUrlFunction(([z, x, y]) => urlOf(layer.id, layer.revision, z, x, y), String(layer.revision));
}

function urlOf(id: string, revision: number, z?: number, x?: number, y?: number): string {
  return `${ROOT}/inventories/${id}/tiles/${z}/${x}/${y}.mvt?at=${revision}`;
}
