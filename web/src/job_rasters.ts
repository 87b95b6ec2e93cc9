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
const TITLES = { classes: "Classes as mapped", probabilities: "Probability of ice", uncertainty: "Uncertainty" };

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
    const style = { color: colourOf(raster.value.raster) };
    this.layer = new WebGLTileLayer({ source, style, opacity: this.state.rasterOpacity.value, zIndex: 5, properties: { side: "left" } });
    this.map.addLayer(this.layer);
    this.legend(raster.value);
  }

  private legend(choice: RasterChoice): void {
    const scale =
      choice.raster === "classes"
        ? el("ul", {}, el("li", {}, el("span", { class: "swatch clean" }), "clean ice"), el("li", {}, el("span", { class: "swatch debris" }), "debris-covered ice"))
        : el("div", { class: `ramp ${choice.raster}` }, el("span", {}, "0"), el("span", {}, "0.5"), el("span", {}, "1"));
    const opacity = el("input", { type: "range", min: "0", max: "100", value: String(100 * this.state.rasterOpacity.value), "aria-label": "Opacity of the raster" });
    opacity.addEventListener("input", () => (this.state.rasterOpacity.value = Number(opacity.value) / 100));
    byId("raster-legend").replaceChildren(el("h2", {}, TITLES[choice.raster]), scale, opacity);
  }
}

function colourOf(raster: RasterChoice["raster"]): ExpressionValue {
  const stored: ExpressionValue = ["band", 1];
  const known: ExpressionValue = [">", stored, UNKNOWN / 10];
  if (raster === "classes") {
    return ["case", ["==", stored, 1], CLEAN, ["==", stored, 2], DEBRIS, [0, 0, 0, 0]];
  }
  const share: ExpressionValue = ["/", stored, STEPS];
  // The first band of probabilities is that of background: the rest is ice of one kind or another.
  if (raster === "probabilities") return where([known], coloured(["-", 1, share], VIRIDIS));
  return where([known], coloured(share, INFERNO));
}
