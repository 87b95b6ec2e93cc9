/** The line at the foot: where the pointer is, what the pixel holds, the scale, what is shown, whether all is saved. */

import { bandOf } from "./look";
import { byId } from "./dom";
import type { MapView } from "./map";
import { codeOf, degrees } from "./projection";
import type { State } from "./state";

/** Metres of a pixel of a screen as the OGC counts it (0.28 mm). */
const SCREEN_PIXEL_M = 0.00028;

export function followStatus(state: State, view: MapView): void {
  const { map } = view;
  const position = byId("position");
  const values = byId("values");
  map.on("pointermove", (event) => {
    const scene = state.scene.value;
    const [x, y] = event.coordinate;
    if (!scene || x === undefined || y === undefined) return;
    const place = degrees([x, y], codeOf(scene.crs));
    const inDegrees = place ? `${place[1].toFixed(5)}°, ${place[0].toFixed(5)}°  ·  ` : "";
    position.textContent = `${inDegrees}${x.toFixed(0)} E ${y.toFixed(0)} N  ·  ${scene.crs.name}`;
    if (!event.dragging) values.textContent = pixel(state, view, event.pixel);
  });
  const scale = (): void => {
    const resolution = map.getView().getResolution();
    byId("scale").textContent = resolution ? `1 : ${Math.round(resolution / SCREEN_PIXEL_M).toLocaleString("en")}` : "";
  };
  map.on("moveend", scale);
  const counts = (): void => {
    const layer = state.active.value && state.layers.value.find((each) => each.id === state.active.value?.id);
    byId("counts").textContent = layer ? `${layer.name}: ${layer.count} outlines, ${layer.area_km2.toFixed(3)} km²` : "";
  };
  for (const each of [state.active, state.layers]) each.onChange(counts);
  state.saved.follow((said) => (byId("saved").textContent = said));
  state.project.follow((project) => {
    byId("project").textContent = project ? `${project.name}${project.demo ? " (demo: made-up mountains)" : ""}` : "";
    if (project) document.title = `firnline · ${project.name}`;
  });
}

/** What the pixel holds of the bands that are looked at, in their units. */
function pixel(state: State, view: MapView, at: number[]): string {
  const [scene, look] = [state.scene.value, state.look.value];
  const numbers = view.scene.numbers(at);
  if (!scene || !look || !numbers) return "";
  return look.recipe.bands
    .flatMap((name) => {
      const stored = numbers.get(name);
      if (stored === undefined) return [];
      if (look.recipe.kind === "shade") return [`${name} ${stored.toPrecision(3)}`];
      const { scale, offset } = bandOf(scene, name);
      return [`${name} ${Number((stored * scale + offset).toPrecision(4))}`];
    })
    .join("  ");
}
