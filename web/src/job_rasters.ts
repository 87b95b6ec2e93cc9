/** A raster of a prediction over the scene, with its legend: classes, probability of ice, uncertainty. */

import type { ExpressionValue } from "ol/expr/expression";
import WebGLTileLayer from "ol/layer/WebGLTile";
import type OlMap from "ol/Map";
import { ROOT } from "./api";
import { CLEAN, DEBRIS } from "./colours";
import { byId, el } from "./dom";
import { INFERNO, VIRIDIS, coloured, where } from "./look";
import { Pixels, UNKNOWN } from "./pixels";
import { projectionOf } from "./projection";
import type { RasterChoice, State } from "./state";

/** Bytes are stored in steps of 1/250 (firnline.inference); 255 is unknown. */
const STEPS = 250;
/** What is shown of a model that is gone. */
const BOTH_KINDS: readonly string[] = ["clean ice", "debris-covered ice"];

export class JobRasters {
  private layer: WebGLTileLayer | null = null;

  constructor(
    private readonly state: State,
    private readonly map: OlMap,
  ) {
    for (const each of [state.raster, state.scene]) each.onChange(() => this.show());
    state.rasterOpacity.onChange((opacity) => this.layer?.setOpacity(opacity));
    state.overlaysHidden.onChange((hidden) => this.layer?.setVisible(!hidden));
  }

  private show(): void {
    if (this.layer) {
      this.map.removeLayer(this.layer);
      this.layer.dispose();
      this.layer = null;
    }
    byId("raster-legend").replaceChildren();
    const { raster, scene, jobs } = this.state;
    const job = jobs.value.find((each) => each.id === raster.value?.job);
    if (!raster.value || !scene.value || job?.scene !== scene.value.id) return;
    const url = `${ROOT}/jobs/${raster.value.job}/result/${raster.value.raster}.tif`;
    const source = new Pixels(url, [{ index: 1, nodata: 255 }], projectionOf(scene.value.crs, scene.value.bounds), false);
    const names = this.state.models.value.find((each) => each.id === job.model)?.classes ?? BOTH_KINDS;
    const style = { color: colourOf(raster.value.raster, names) };
    this.layer = new WebGLTileLayer({ source, style, opacity: this.state.rasterOpacity.value, zIndex: 5, properties: { side: "left" } });
    this.map.addLayer(this.layer);
    this.legend(raster.value, names);
  }

  private legend(choice: RasterChoice, names: readonly string[]): void {
    const swatch = (name: string): HTMLElement => el("span", { class: `swatch ${isDebris(name) ? "debris" : "clean"}` });
    const scale =
      choice.raster === "classes"
        ? el("ul", {}, ...names.map((name) => el("li", {}, swatch(name), name)))
        : el("div", { class: `ramp ${choice.raster}` }, el("span", {}, "0"), el("span", {}, "0.5"), el("span", {}, "1"));
    const opacity = el("input", { type: "range", min: "0", max: "100", value: String(100 * this.state.rasterOpacity.value), "aria-label": "Opacity of the raster" });
    opacity.addEventListener("input", () => (this.state.rasterOpacity.value = Number(opacity.value) / 100));
    byId("raster-legend").replaceChildren(el("h2", {}, titleOf(choice.raster, names)), scale, opacity);
  }
}

/** Models of one class tell all ice, or one kind of it alone: its name says which. */
function titleOf(raster: RasterChoice["raster"], names: readonly string[]): string {
  if (raster === "classes") return "Classes as mapped";
  if (raster === "uncertainty") return "Uncertainty";
  return `Probability of ${names.length === 1 ? names[0] : "ice"}`;
}

const isDebris = (name: string | undefined): boolean => name?.includes("debris") ?? false;

function colourOf(raster: RasterChoice["raster"], names: readonly string[]): ExpressionValue {
  const stored: ExpressionValue = ["band", 1];
  const known: ExpressionValue = [">", stored, UNKNOWN / 10];
  if (raster === "classes") {
    const cases = names.flatMap((name, at): ExpressionValue[] => [["==", stored, at + 1], isDebris(name) ? DEBRIS : CLEAN]);
    return ["case", ...cases, [0, 0, 0, 0]];
  }
  const share: ExpressionValue = ["/", stored, STEPS];
  // The first band of probabilities is that of background: the rest is what the model maps.
  if (raster === "probabilities") return where([known], coloured(["-", 1, share], VIRIDIS));
  return where([known], coloured(share, INFERNO));
}
