/** A stretch that follows what is on the screen: percentiles of the pixels in view. */

import type { Scene } from "./api";
import { bandOf } from "./look";
import type { SceneView } from "./scene_layer";
import type { Look } from "./state";

const ACROSS = 56;
const [LOW, HIGH] = [0.02, 0.98];

/** The value below which a share of the values lies; NaN of none. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)] ?? NaN, sorted[Math.ceil(at)] ?? NaN];
  return below + (at - Math.floor(at)) * (above - below);
}

/** 2nd and 98th percentile in view of each channel of a look, in the numbers of its stretch; null where too little is seen. */
export function rangesInView(view: SceneView, size: readonly number[], scene: Scene, look: Look): [number, number][] | null {
  const [width = 0, height = 0] = size;
  const samples: Map<string, number>[] = [];
  const step = Math.max(width, height) / ACROSS;
  for (let y = step / 2; y < height; y += step) {
    for (let x = step / 2; x < width; x += step) {
      const numbers = view.numbers([x, y]);
      if (numbers) samples.push(numbers);
    }
  }
  const found = channelsOf(scene, look).map((channel): [number, number] => {
    const values = samples.map(channel).filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
    const [low, high] = [quantile(values, LOW), quantile(values, HIGH)];
    return values.length < 20 || !(high > low) ? [NaN, NaN] : [low, high];
  });
  return found.some(([low]) => Number.isNaN(low)) ? null : found;
}

type Channel = (numbers: Map<string, number>) => number;

function channelsOf(scene: Scene, look: Look): Channel[] {
  const { recipe } = look;
  const [first = "", second = ""] = recipe.bands;
  if (recipe.expression === null) return recipe.bands.map((name): Channel => (numbers) => numbers.get(name) ?? NaN);
  const [a, b] = [bandOf(scene, first), bandOf(scene, second)];
  return [
    (numbers) => {
      const x = (numbers.get(first) ?? NaN) * a.scale + a.offset;
      const y = (numbers.get(second) ?? NaN) * b.scale + b.offset;
      return x + y > 0 ? Math.min(1, Math.max(-1, (x - y) / (x + y))) : NaN;
    },
  ];
}
