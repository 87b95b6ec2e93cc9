/** The line at the foot: where the pointer is, what is shown, whether all is saved. */

import type OlMap from "ol/Map";
import { byId } from "./dom";
import { codeOf, degrees } from "./projection";
import type { State } from "./state";

export function followStatus(state: State, map: OlMap): void {
  const position = byId("position");
  map.on("pointermove", (event) => {
    const scene = state.scene.value;
    const [x, y] = event.coordinate;
    if (!scene || x === undefined || y === undefined) return;
    const place = degrees([x, y], codeOf(scene.crs));
    const inDegrees = place ? `${place[1].toFixed(5)}°, ${place[0].toFixed(5)}°  ·  ` : "";
    position.textContent = `${inDegrees}${x.toFixed(0)} E ${y.toFixed(0)} N  ·  ${scene.crs.name}`;
  });
  state.active.follow((layer) => {
    byId("counts").textContent = layer ? `${layer.name}: ${layer.count} outlines, ${layer.area_km2.toFixed(3)} km²` : "";
  });
  state.saved.follow((said) => (byId("saved").textContent = said));
  state.project.follow((project) => {
    byId("project").textContent = project ? `${project.name}${project.demo ? " (demo: made-up mountains)" : ""}` : "";
    if (project) document.title = `firnline · ${project.name}`;
  });
}
