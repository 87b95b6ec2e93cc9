/** How outlines that are edited look: blue and orange, which colour-blind people tell apart; debris is hatched. */

import type { FeatureLike } from "ol/Feature";
import { MultiPoint } from "ol/geom";
import type Geometry from "ol/geom/Geometry";
import { Circle, Fill, Stroke, Style } from "ol/style";

import { colourOf, HALO, hatch } from "../colours";
import { ringsOf } from "./geometry";
import type { Areal } from "./operations";

const CHOSEN = "#ffe94a";
const SKETCH = "#d81b9b";

const fills = { 1: new Fill({ color: "rgba(0,114,178,0.12)" }), 2: new Fill({ color: hatch("rgba(213,94,0,0.55)") }) };
const halo = new Style({ stroke: new Stroke({ color: HALO, width: 3.5 }), zIndex: 0 });

function line(value: 1 | 2, waiting: boolean): Style {
  const color = colourOf(value);
  const stroke = new Stroke({ color, width: 1.8, lineDash: waiting ? [6, 4] : undefined });
  return new Style({ fill: fills[value], stroke, zIndex: 1 });
}

const lines = new Map<string, Style>();
const chosen = [
  new Style({ stroke: new Stroke({ color: "rgba(0,0,0,0.8)", width: 6 }), zIndex: 2 }),
  new Style({ stroke: new Stroke({ color: CHOSEN, width: 3.5 }), zIndex: 3 }),
];
const dots = new Circle({
  radius: 3.5,
  fill: new Fill({ color: "#fff" }),
  stroke: new Stroke({ color: "#111", width: 1.4 }),
});

/** The style of one outline: chosen ones stand out, those whose edit is not sent yet are dashed. */
export function outlineStyle(feature: FeatureLike, isChosen: boolean, withVertices: boolean): Style[] {
  const value = feature.get("class") === 2 ? 2 : 1;
  const waiting = feature.get("waiting") === true;
  const name = `${value}${waiting}`;
  let own = lines.get(name);
  if (!own) lines.set(name, (own = line(value, waiting)));
  const styles = [halo, own, ...(isChosen ? chosen : [])];
  if (withVertices) styles.push(new Style({ image: dots, geometry: vertices, zIndex: 4 }));
  return styles;
}

function vertices(feature: FeatureLike): Geometry | undefined {
  const geometry = feature.getGeometry() as unknown as { getCoordinates(): number[][][] | number[][][][] } | undefined;
  if (!geometry) return undefined;
  const type = (feature.getGeometry() as Geometry).getType();
  if (type !== "Polygon" && type !== "MultiPolygon") return undefined;
  return new MultiPoint(ringsOf({ type, coordinates: geometry.getCoordinates() } as Areal).flat());
}

const sketchFills = {
  0: new Fill({ color: "rgba(216,27,155,0.12)" }),
  1: new Fill({ color: "rgba(0,114,178,0.25)" }),
  2: new Fill({ color: "rgba(213,94,0,0.25)" }),
};

/** What is drawn, and what was drawn and waits for the server: dashed. */
export function sketchStyle(value: 0 | 1 | 2 = 0): Style[] {
  return [
    new Style({ stroke: new Stroke({ color: "rgba(255,255,255,0.9)", width: 4.5 }) }),
    new Style({
      fill: sketchFills[value],
      stroke: new Stroke({ color: SKETCH, width: 2.2, lineDash: [7, 4] }),
      image: new Circle({ radius: 5, fill: new Fill({ color: SKETCH }), stroke: new Stroke({ color: "#fff", width: 1.5 }) }),
    }),
  ];
}

/** The handle under the pointer: filled on a vertex, hollow where one would be made. */
export function handleStyle(onVertex: boolean): Style {
  return new Style({
    image: new Circle({
      radius: onVertex ? 6.5 : 5,
      fill: new Fill({ color: onVertex ? CHOSEN : "rgba(255,255,255,0.6)" }),
      stroke: new Stroke({ color: "#111", width: 2 }),
    }),
  });
}

/** The two sides of a conflict: mine dashed, theirs solid. */
export function sideStyle(mine: boolean): (feature: FeatureLike) => Style[] {
  const color = mine ? SKETCH : "#00a37a";
  const stroke = new Stroke({ color, width: 3.5, lineDash: mine ? [10, 7] : undefined });
  const fill = new Fill({ color: mine ? "rgba(216,27,155,0.06)" : "rgba(0,163,122,0.14)" });
  const under = new Style({ stroke: new Stroke({ color: "rgba(255,255,255,0.95)", width: 6.5 }) });
  const over = new Style({ stroke, fill });
  return () => [under, over];
}
