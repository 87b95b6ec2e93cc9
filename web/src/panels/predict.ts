/** Predict: a scene, a model, an area; jobs as they go on. */

import GeoJSON from "ol/format/GeoJSON";
import type Polygon from "ol/geom/Polygon";
import Draw, { createBox } from "ol/interaction/Draw";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import VectorSource from "ol/source/Vector";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import { ask, type Job, type Model } from "../api";
import { button, el, section, select } from "../dom";
import { told } from "../notices";
import type { State } from "../state";

type AreaKind = "scene" | "box" | "polygon";

export class PredictPanel {
  readonly element: HTMLElement;
  private readonly source = new VectorSource();
  private readonly card = el("div", { class: "card" });
  private readonly jobs = el("ul", { class: "jobs", "data-testid": "jobs" });
  private readonly start: HTMLButtonElement;
  private readonly choices = el("div", {});
  private model = "";
  private area: AreaKind = "scene";
  private draw: Draw | null = null;

  constructor(
    private readonly state: State,
    private readonly map: OlMap,
  ) {
    const style = new Style({ stroke: new Stroke({ color: "#111", width: 2, lineDash: [8, 4] }) });
    map.addLayer(new VectorLayer({ source: this.source, style, zIndex: 40 }));
    this.start = button("Predict", () => void this.predict(), { class: "primary", "data-testid": "predict" });
    this.element = section("Predict", this.choices, this.card, el("div", { class: "buttons" }, this.start), this.jobs);
    state.models.follow(() => this.show());
    state.scene.onChange(() => {
      this.choose("scene");
      this.show();
    });
    state.jobs.follow((jobs) => this.jobs.replaceChildren(...jobs.slice(0, 6).map((job) => this.row(job))));
  }

  private show(): void {
    const models = this.state.models.value;
    if (!models.some((each) => each.id === this.model)) this.model = (models.find((each) => !this.problem(each)) ?? models[0])?.id ?? "";
    const options = models.map((each): [string, string] => [each.id, each.name]);
    this.choices.replaceChildren(
      select("Model", options, this.model, (id) => {
        this.model = id;
        this.showCard();
      }),
      select(
        "Area",
        [["scene", "the whole scene"], ["box", "a box, drawn"], ["polygon", "a polygon, drawn"]],
        this.area,
        (kind) => this.choose(kind as AreaKind),
      ),
    );
    this.showCard();
  }

  private problem(model: Model): string | undefined {
    return model.problems[this.state.scene.value?.id ?? ""];
  }

  private showCard(): void {
    const model = this.state.models.value.find((each) => each.id === this.model);
    if (!model) {
      this.card.replaceChildren();
      this.start.disabled = true;
      return;
    }
    const problem = this.problem(model);
    this.start.disabled = problem !== undefined || !this.state.scene.value;
    const facts = Object.entries({
      maps: model.classes.join(", "),
      needs: model.required.join(" "),
      uses: model.optional.join(" "),
      resolution: model.resolution,
      ...model.card,
    }).filter(([, value]) => value !== null && value !== undefined && value !== "");
    const rows = facts.flatMap(([name, value]) => [el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, written(value))]);
    this.card.replaceChildren(
      problem ? el("p", { class: "warning" }, problem) : el("span", {}),
      el("details", {}, el("summary", {}, "About this model"), el("dl", {}, ...rows)),
    );
  }

  private choose(kind: AreaKind): void {
    this.area = kind;
    this.source.clear();
    if (this.draw) this.map.removeInteraction(this.draw);
    this.draw = null;
    if (kind === "scene") return;
    this.draw = kind === "box" ? new Draw({ source: this.source, type: "Circle", geometryFunction: createBox() }) : new Draw({ source: this.source, type: "Polygon" });
    this.draw.on("drawstart", () => this.source.clear());
    this.draw.on("drawend", () => this.draw?.setActive(false));
    this.map.addInteraction(this.draw);
  }

  private async predict(): Promise<void> {
    const scene = this.state.scene.value;
    if (!scene) return;
    const drawn = this.source.getFeatures()[0]?.getGeometry();
    const area = this.area === "scene" || !drawn ? null : (new GeoJSON().writeGeometryObject(drawn as Polygon) as object);
    const job = await told(() => ask<Job>("POST", "/jobs", { kind: "predict", scene: scene.id, model: this.model, area }));
    if (job && !this.state.jobs.value.some((each) => each.id === job.id)) this.state.jobs.value = [job, ...this.state.jobs.value];
    this.choose("scene");
    this.show();
  }

  private row(job: Job): HTMLLIElement {
    const model = this.state.models.value.find((each) => each.id === job.model)?.name ?? job.model;
    const scene = this.state.scenes.value.find((each) => each.id === job.scene)?.name ?? job.scene;
    const row = el("li", { class: job.state, "data-job": job.id }, el("strong", {}, `${model} on ${scene}`), el("small", {}, job.error ?? (job.message || job.state)));
    if (job.state === "running" || job.state === "queued") {
      row.append(el("progress", { max: "1", value: String(job.progress), "aria-label": "Progress" }));
      row.append(button("Cancel", () => void told(() => ask("DELETE", `/jobs/${job.id}`))));
    }
    const made = this.state.layers.value.find((layer) => layer.id === job.result?.inventory);
    if (made) row.append(button("Show its outlines", () => (this.state.active.value = made)));
    return row;
  }
}

/** A fact of a card as text. */
function written(value: unknown): string {
  if (Array.isArray(value)) return value.map(written).join(", ");
  if (value !== null && typeof value === "object") {
    return Object.entries(value).map(([name, each]) => `${name} ${written(each)}`).join("; ");
  }
  return typeof value === "number" && !Number.isInteger(value) ? value.toFixed(3) : String(value);
}
