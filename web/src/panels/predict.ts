/** Predict: a model, an area, and the jobs as they go on. */

import { AreaDrawing, type AreaKind } from "../area_drawing";
import { ask, type Model, type Prediction, type PredictionResult } from "../api";
import { button, el, section, select } from "../dom";
import { told } from "../notices";
import type { MapView } from "../map";
import { hasWebGL } from "../scene_layer";
import type { RasterChoice, State } from "../state";
import { jobRow } from "./job_row";
import { cardOf } from "./model_card";
import { enter, findingsOf } from "./scenes";

const RASTERS: [RasterChoice["raster"], string][] = [
  ["classes", "Classes"],
  ["probabilities", "Probability"],
  ["uncertainty", "Uncertainty"],
];

export class PredictPanel {
  readonly element: HTMLElement;
  private readonly drawing: AreaDrawing;
  private readonly card = el("div", { class: "card" });
  private readonly jobs = el("ul", { class: "jobs", "data-testid": "jobs" });
  private readonly start = button("Predict", () => void this.predict(), { class: "primary", "data-testid": "predict" });
  private readonly choices = el("div", {});
  private readonly hint = el("p", { class: "hint", role: "status" });
  private readonly uncertainty = el("input", { type: "checkbox" });
  private readonly uncertain = el("label", { class: "check" }, this.uncertainty, "Uncertainty too (slower)");
  /** Called before an area is drawn: the editing tools are put down. */
  beforeDrawing: () => void = () => undefined;
  afterDrawing: () => void = () => undefined;
  private model = "";
  private area: AreaKind = "scene";

  constructor(
    private readonly state: State,
    private readonly view: MapView,
  ) {
    this.drawing = new AreaDrawing(view.map, () => this.ready(), () => this.beforeDrawing(), () => this.afterDrawing());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.drawing.drawing) this.choose("scene");
    });
    const buttons = el("div", { class: "buttons" }, this.start);
    this.element = section("Predict", findingsOf(state), this.choices, this.uncertain, this.hint, this.card, buttons);
    this.element.append(el("h2", { class: "under" }, "Predictions"), this.jobs);
    state.models.follow(() => this.show());
    state.scene.onChange(() => this.choose("scene"));
    const list = (): void => this.jobs.replaceChildren(...this.rows());
    for (const each of [state.jobs, state.layers, state.raster, state.models]) each.onChange(list);
    list();
  }

  /** Another tool was taken up: the area is not drawn on. */
  stopDrawing(): void {
    this.drawing.end();
  }

  private chosen(): Model | undefined {
    return this.state.models.value.find((each) => each.id === this.model);
  }

  private problem(model: Model): string | undefined {
    return model.problems[this.state.scene.value?.id ?? ""];
  }

  private show(): void {
    const models = this.state.models.value;
    if (!this.chosen()) this.model = (models.find((each) => !this.problem(each)) ?? models[0])?.id ?? "";
    const options = models.map((each): [string, string] => [each.id, this.problem(each) ? `${each.name} (not for this scene)` : each.name]);
    const areas: [string, string][] = [["scene", "the whole scene"], ["box", "a box, drawn"], ["polygon", "a polygon, drawn"]];
    this.choices.replaceChildren(
      select("Model", options, this.model, (id) => {
        this.model = id;
        this.show();
      }),
      select("Area", areas, this.area, (kind) => this.choose(kind as AreaKind)),
    );
    const model = this.chosen();
    this.uncertain.hidden = !model || model.kind === "rules";
    this.card.replaceChildren(...(model ? cardOf(model, this.problem(model)) : []));
    this.ready();
  }

  private choose(kind: AreaKind): void {
    this.area = kind;
    this.drawing.begin(kind);
    this.show();
  }

  /** What is missing before it can start. */
  private ready(): void {
    const model = this.chosen();
    const lacks = this.area !== "scene" && this.drawing.area === null;
    this.start.disabled = !model || !this.state.scene.value || this.problem(model) !== undefined || lacks;
    const how = this.area === "box" ? "Click two opposite corners on the map." : "Click the corners on the map; click the last one twice.";
    this.hint.textContent = this.area === "scene" ? "" : lacks ? how : `${this.drawing.km2.toFixed(1)} km² are drawn.`;
  }

  private async predict(): Promise<void> {
    const scene = this.state.scene.value;
    if (!scene) return;
    const area = this.area === "scene" ? null : this.drawing.area;
    const uncertainty = this.uncertainty.checked && this.chosen()?.kind !== "rules";
    // So that it is told from one of the whole scene in the list of layers.
    const name = area ? { name: `${this.chosen()?.name ?? this.model}, ${this.drawing.km2.toFixed(1)} km² of ${scene.name}`.slice(0, 200) } : {};
    const body = { kind: "predict", scene: scene.id, model: this.model, area, ...name, ...(uncertainty ? { uncertainty } : {}) };
    this.start.disabled = true;
    const job = await told(() => ask<Prediction>("POST", "/jobs", body));
    if (!job) return this.ready();
    this.state.addJob(job);
    this.choose("scene");
  }

  private rows(): HTMLElement[] {
    const jobs = this.state.jobs.value.filter((job): job is Prediction => job.kind === "predict").slice(0, 8);
    return jobs.length ? jobs.map((job) => this.row(job)) : [el("li", { class: "quiet" }, "None yet. The result is a new layer of proposals; no other layer is touched.")];
  }

  private row(job: Prediction): HTMLLIElement {
    const scene = this.state.scenes.value.find((each) => each.id === job.scene);
    const row = jobRow(job, scene?.name ?? "a scene that is gone");
    if (job.result) row.append(this.results(job, job.result));
    return row;
  }

  private results(job: Prediction, result: PredictionResult): HTMLElement {
    const buttons = el("div", { class: "buttons small" });
    const made = this.state.layers.value.find((layer) => layer.id === result.inventory);
    if (made) {
      buttons.append(
        button("Outlines", () => {
          this.there(job);
          this.state.show(made.id, { visible: true });
          this.state.active.value = made;
          if (made.bounds) this.view.fit(made.bounds);
        }),
      );
    }
    for (const [raster, title] of RASTERS.filter(([name]) => hasWebGL && result.rasters.includes(name))) {
      const shown = this.state.raster.value?.job === job.id && this.state.raster.value.raster === raster;
      const see = (): void => {
        this.there(job);
        this.state.raster.value = shown ? null : { job: job.id, raster };
      };
      buttons.append(button(title, see, { "aria-pressed": String(shown) }));
    }
    return buttons;
  }

  /** Go to the scene of a job. */
  private there(job: Prediction): void {
    const scene = this.state.scenes.value.find((each) => each.id === job.scene);
    if (scene && scene.id !== this.state.scene.value?.id) enter(this.state, scene);
  }
}
