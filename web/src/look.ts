/** How a scene looks: recipes as WebGL expressions, the stretch as variables, so that neither loads a pixel anew. */

import type { ExpressionValue } from "ol/expr/expression";
import type { Style } from "ol/layer/WebGLTile";
import type { Band, Recipe, Scene } from "./api";
import { UNKNOWN } from "./pixels";
import type { Look, Stretch } from "./state";

type Ramp = readonly (readonly [number, string])[];

/** Viridis, inferno and greys at a few places: they rise in lightness, so that colour-blind people read them too. */
export const VIRIDIS: Ramp = [
  [0, "#440154"], [0.125, "#472d7b"], [0.25, "#3b528b"], [0.375, "#2c728e"], [0.5, "#21918c"],
  [0.625, "#28ae80"], [0.75, "#5ec962"], [0.875, "#addc30"], [1, "#fde725"],
];
export const INFERNO: Ramp = [
  [0, "#000004"], [0.125, "#1f0c48"], [0.25, "#57106e"], [0.375, "#8a226a"], [0.5, "#bc3754"],
  [0.625, "#e45a31"], [0.75, "#f98e09"], [0.875, "#f9cb35"], [1, "#fcffa4"],
];
const GREYS: Ramp = [[0, "#000000"], [1, "#ffffff"]];
const GREYS_TURNED: Ramp = [[0, "#ffffff"], [1, "#000000"]];
const RAMPS: Readonly<Record<string, Ramp>> = { thermal: INFERNO, slope: GREYS_TURNED, hillshade: GREYS };

/** The ramp of a recipe, the same as the server's pictures have; null where three bands make the colour. */
export function rampOf(recipe: Recipe): Ramp | null {
  return recipe.kind === "rgb" ? null : (RAMPS[recipe.id] ?? VIRIDIS);
}

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

/** Names of the bands that are read for a look: all that the scene's recipes need, so that switching loads nothing. */
export function bandsFor(scene: Scene, recipe: Recipe): string[] {
  if (recipe.kind === "shade") return ["hillshade", "slope"];
  const needed = scene.recipes.filter((each) => each.kind !== "shade").flatMap((each) => each.bands);
  return scene.bands.map((band) => band.name).filter((name) => needed.includes(name) || recipe.bands.includes(name));
}

function scaled(value: ExpressionValue, channel: number): ExpressionValue {
  const low: ExpressionValue = ["var", `low${channel}`];
  const span: ExpressionValue = ["-", ["var", `high${channel}`], low];
  return ["^", ["clamp", ["/", ["-", value, low], span], 0, 1], ["var", "gamma"]];
}

/** The style of a look on pixels of the bands `read`, in their order. */
export function styleOf(scene: Scene, look: Look, read: readonly string[]): Style {
  const { recipe } = look;
  const variables = variablesOf(look.stretch);
  const stored = (name: string): ExpressionValue => ["band", read.indexOf(name) + 1];
  const known: ExpressionValue[] = recipe.bands.map((name) => [">", stored(name), UNKNOWN / 10]);
  const [first = "", second] = recipe.bands;
  if (recipe.kind === "rgb") {
    const channels = recipe.bands.map((name, channel) => scaled(stored(name), channel));
    return { color: where(known, ["array", ...channels, 1]), variables };
  }
  const ramp = rampOf(recipe) ?? GREYS;
  if (recipe.expression === null || second === undefined) {
    return { color: where(known, coloured(scaled(stored(first), 0), ramp)), variables };
  }
  // A normalised difference of values; where the sum is not positive it means nothing (firnline.features).
  const [a, b] = [first, second].map((name): ExpressionValue => {
    const band = bandOf(scene, name);
    return ["+", ["*", stored(name), band.scale], band.offset];
  });
  const sum: ExpressionValue = ["+", a ?? 0, b ?? 0];
  const index: ExpressionValue = ["clamp", ["/", ["-", a ?? 0, b ?? 0], sum], -1, 1];
  return { color: where([...known, [">", sum, 0]], coloured(scaled(index, 0), ramp)), variables };
}

/** The colour where all conditions hold, nothing elsewhere. */
export function where(conditions: ExpressionValue[], colour: ExpressionValue): ExpressionValue {
  const [one = true] = conditions;
  return ["case", conditions.length > 1 ? ["all", ...conditions] : one, colour, [0, 0, 0, 0]];
}

export function coloured(share: ExpressionValue, ramp: Ramp): ExpressionValue {
  return ["interpolate", ["linear"], share, ...ramp.flatMap(([at, colour]): ExpressionValue[] => [at, colour])];
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
