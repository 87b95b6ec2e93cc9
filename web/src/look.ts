/** How a scene looks: recipes as WebGL expressions, the stretch as variables, so that neither loads a pixel anew. */

import type { ExpressionValue } from "ol/expr/expression";
import type { Style } from "ol/layer/WebGLTile";
import type { Band, Recipe, Scene } from "./api";
import type { Look, Stretch } from "./state";

/** Blue to white to red, which colour-blind people can tell (Brewer's RdBu). */
const RAMP: [number, string][] = [
  [0, "#b2182b"],
  [0.25, "#ef8a62"],
  [0.5, "#f7f7f7"],
  [0.75, "#67a9cf"],
  [1, "#2166ac"],
];

/** Light to dark along one number (viridis at five places). */
const SEQUENCE: [number, string][] = [
  [0, "#440154"],
  [0.25, "#3b528b"],
  [0.5, "#21918c"],
  [0.75, "#5ec962"],
  [1, "#fde725"],
];

export function bandOf(scene: Scene, name: string): Band {
  const band = scene.bands.find((each) => each.name === name);
  if (!band) throw new Error(`the scene lacks ${name}`);
  return band;
}

/** A recipe of three bands chosen by hand. */
export function handMade(bands: [string, string, string]): Recipe {
  return { id: "hand", title: bands.join(" "), kind: "rgb", bands, expression: null, low: null, high: null };
}

/** The look to begin with: percentiles of the whole scene. */
export function lookOf(scene: Scene, recipe: Recipe): Look {
  return { recipe, stretch: { ranges: rangesOf(scene, recipe), gamma: 1 } };
}

/** Black and white of each channel: stored numbers of bands, the ramp's own unit of an expression. */
function rangesOf(scene: Scene, recipe: Recipe): [number, number][] {
  if (recipe.kind === "shade" || recipe.expression !== null) return [[recipe.low ?? 0, recipe.high ?? 1]];
  return recipe.bands.map((name) => {
    const band = bandOf(scene, name);
    if (recipe.kind === "ramp" && recipe.low !== null && recipe.high !== null) {
      return [(recipe.low - band.offset) / band.scale, (recipe.high - band.offset) / band.scale];
    }
    const low = band.low ?? 0;
    return [low, band.high !== null && band.high > low ? band.high : low + 1];
  });
}

export function hasAlpha(scene: Scene): boolean {
  return scene.bands.some((band) => band.nodata !== null);
}

/** OpenLayers writes 255 where a pixel is known. */
function opacityOf(band: number): ExpressionValue {
  return ["/", ["band", band], 255];
}

function scaled(value: ExpressionValue, channel: number): ExpressionValue {
  const low: ExpressionValue = ["var", `low${channel}`];
  const span: ExpressionValue = ["-", ["var", `high${channel}`], low];
  return ["^", ["clamp", ["/", ["-", value, low], span], 0, 1], ["var", "gamma"]];
}

/** The value of a band in its own unit. */
function valueOf(scene: Scene, name: string): ExpressionValue {
  const band = bandOf(scene, name);
  return ["+", ["*", ["band", band.index], band.scale], band.offset];
}

/** The style of a look; `alpha` is the band that tells where pixels are unknown, which OpenLayers adds at the end. */
export function styleOf(scene: Scene, look: Look): Style {
  const { recipe } = look;
  const variables = variablesOf(look.stretch);
  if (recipe.kind === "shade") {
    const index = recipe.bands[0] === "slope" ? 2 : 1;
    const ramp = recipe.bands[0] === "slope" ? SEQUENCE : null;
    return { color: coloured(scaled(["band", index], 0), ramp, opacityOf(3)), variables };
  }
  const alpha: ExpressionValue = hasAlpha(scene) ? opacityOf(scene.bands.length + 1) : 1;
  if (recipe.kind === "rgb") {
    const stored: ExpressionValue[] = recipe.bands.map((name) => ["band", bandOf(scene, name).index]);
    const [red, green, blue] = stored.map(scaled);
    // OpenLayers leaves 0 where a band is unknown and others are not: unknown ground is no black ground.
    const known: ExpressionValue = ["case", ["all", ...stored.map((band): ExpressionValue => ["==", band, 0])], 0, alpha];
    return { color: ["array", red ?? 0, green ?? 0, blue ?? 0, known], variables };
  }
  const [first, second] = recipe.bands;
  if (recipe.expression !== null && first !== undefined && second !== undefined) {
    const [a, b] = [valueOf(scene, first), valueOf(scene, second)];
    return { color: coloured(scaled(["/", ["-", a, b], ["+", a, b]], 0), RAMP, alpha), variables };
  }
  const ramp = recipe.low === null ? SEQUENCE : RAMP;
  return { color: coloured(scaled(["band", bandOf(scene, first ?? "").index], 0), ramp, alpha), variables };
}

function coloured(share: ExpressionValue, ramp: [number, string][] | null, alpha: ExpressionValue): ExpressionValue {
  if (ramp === null) return ["array", share, share, share, alpha];
  const stops: ExpressionValue[] = ramp.flatMap(([at, colour]) => [at, colour]);
  return ["case", ["==", alpha, 0], [0, 0, 0, 0], ["interpolate", ["linear"], share, ...stops]];
}

export function variablesOf(stretch: Stretch): Record<string, number> {
  const found: Record<string, number> = { gamma: 1 / stretch.gamma };
  for (const channel of [0, 1, 2]) {
    const [low, high] = stretch.ranges[channel] ?? stretch.ranges[0] ?? [0, 1];
    found[`low${channel}`] = low;
    found[`high${channel}`] = high;
  }
  return found;
}
