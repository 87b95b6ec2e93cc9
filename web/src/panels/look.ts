/** How the scene looks: recipe, bands by hand, stretch, gamma, opacity. */

import type { Scene } from "../api";
import { button, el, select } from "../dom";
import { handMade, lookOf, rampOf } from "../look";
import type { MapView } from "../map";
import { notify } from "../notices";
import { isOnEarth } from "../projection";
import { hasWebGL } from "../scene_layer";
import type { Look, State } from "../state";
import { rangesInView } from "../stretch";

type Ranges = [number, number][];

export class LookPanel {
  readonly element = el("div", { class: "look" });
  /** Where the sliders begin: the percentiles of the scene, or of the view that was asked for. */
  private base: Ranges = [];
  private shown = "";
  private basemap: HTMLElement | null = null;

  constructor(
    private readonly state: State,
    private readonly view: MapView,
  ) {
    for (const each of [state.look, state.scene]) each.onChange(() => this.follow());
    state.basemap.onChange((name) => {
      const choice = this.basemap?.querySelector("select");
      if (choice) choice.value = name;
    });
  }

  private follow(): void {
    const { scene, look } = this.state;
    // Only for another picture: a slider must not be made anew while someone drags it.
    const key = `${scene.value?.id} ${JSON.stringify(look.value?.recipe)}`;
    if (key === this.shown) return;
    this.shown = key;
    this.base = look.value?.stretch.ranges ?? [];
    this.draw();
  }

  private draw(): void {
    const [scene, look] = [this.state.scene.value, this.state.look.value];
    if (!scene || !look) return this.element.replaceChildren();
    const options = scene.recipes.map((each): [string, string] => [each.id, each.title]);
    const recipe = select("Look", [...options, ["hand", "Three bands by hand"]], look.recipe.id, (id) => this.choose(scene, id));
    recipe.querySelector("select")?.setAttribute("title", `${look.recipe.title} (Tab: next)`);
    this.element.replaceChildren(
      recipe,
      ...(look.recipe.id === "hand" && hasWebGL ? this.byHand(scene, look) : []),
      ...(rampOf(look.recipe) ? [this.key(scene, look)] : []),
      slider("Dark", 0, 100, 0, (value) => this.stretch(value / 100, null)),
      slider("Bright", 10, 100, 50, (value) => this.stretch(null, value / 50)),
      ...(hasWebGL ? [slider("Gamma", 40, 250, 100 * look.stretch.gamma, (value) => this.gamma(value / 100))] : []),
      slider("Opacity", 0, 100, 100 * this.state.sceneOpacity.value, (value) => (this.state.sceneOpacity.value = value / 100)),
      ...this.beneath(scene),
      el(
        "div",
        { class: "buttons" },
        ...(hasWebGL ? [button("Stretch to view", () => this.toView(), { title: "2nd to 98th percentile of the pixels in view", "data-testid": "stretch-view" })] : []),
        button("Reset", () => this.set({ recipe: look.recipe, stretch: lookOf(scene, look.recipe).stretch }), { title: "2nd to 98th percentile of the whole scene" }),
      ),
    );
  }

  private choose(scene: Scene, id: string): void {
    const now = this.state.look.value?.recipe;
    const recipe = scene.recipes.find((each) => each.id === id) ?? handMade(three(scene, now?.kind === "rgb" ? now.bands : []));
    this.state.look.value = lookOf(scene, recipe);
  }

  private byHand(scene: Scene, look: Look): HTMLElement[] {
    const names = scene.bands.map((each): [string, string] => [each.name, each.name]);
    return ["Red", "Green", "Blue"].map((label, channel) =>
      select(label, names, look.recipe.bands[channel] ?? "", (name) => {
        const next = three(scene, look.recipe.bands);
        next[channel] = name;
        this.state.look.value = lookOf(scene, handMade(next));
      }),
    );
  }

  /** What lies beneath the scene; nothing is offered unless the folder's settings name it. */
  private beneath(scene: Scene): HTMLElement[] {
    const offered = this.state.project.value?.settings.basemaps ?? [];
    if (!offered.length) return [];
    if (!isOnEarth(scene.crs)) return [el("p", { class: "quiet" }, `No basemap: it is not known here where ${scene.crs.name} lies.`)];
    const names = offered.map((each): [string, string] => [each.name, each.name]);
    this.basemap = select("Basemap", [["", "none"], ...names], this.state.basemap.value, (name) => (this.state.basemap.value = name));
    this.basemap.title = "A map from the internet beneath the scene: its server sees what part of the Earth is looked at";
    return [this.basemap];
  }

  /** Which number has which colour. */
  private key(scene: Scene, look: Look): HTMLElement {
    const [low, high] = look.stretch.ranges[0] ?? [0, 1];
    const band = look.recipe.expression === null ? scene.bands.find((each) => each.name === look.recipe.bands[0]) : undefined;
    const own = look.recipe.kind === "shade" ? undefined : band;
    const written = (stored: number): string => (stored * (own?.scale ?? 1) + (own?.offset ?? 0)).toPrecision(3);
    const unit = look.recipe.id === "slope" ? " °" : own && own.unit !== "1" ? ` ${own.unit}` : "";
    return el("div", { class: `ramp ${look.recipe.id}` }, el("span", {}, written(low)), el("span", {}, written(high) + unit));
  }

  /** Darken from below or brighten from above, as shares of the range that the sliders begin with. */
  private stretch(dark: number | null, bright: number | null): void {
    const look = this.state.look.value;
    if (!look) return;
    const ranges = look.stretch.ranges.map(([low, high], channel): [number, number] => {
      const [least, most] = this.base[channel] ?? [low, high];
      const from = dark === null ? low : least + dark * (most - least) * 0.95;
      const to = bright === null ? high : least + (most - least) / bright;
      const thin = 0.01 * (most - least); // the ends never meet; a band with a negative scale runs downwards
      return [from, most >= least ? Math.max(to, from + thin) : Math.min(to, from + thin)];
    });
    this.state.look.value = { recipe: look.recipe, stretch: { ...look.stretch, ranges } };
  }

  private gamma(gamma: number): void {
    const look = this.state.look.value;
    if (look) this.state.look.value = { ...look, stretch: { ...look.stretch, gamma } };
  }

  private toView(): void {
    const [scene, look] = [this.state.scene.value, this.state.look.value];
    if (!scene || !look) return;
    const ranges = rangesInView(this.view.scene, this.view.map.getSize() ?? [], scene, look);
    if (!ranges) return notify("Too few pixels are known in this view to stretch to.", "info");
    this.set({ recipe: look.recipe, stretch: { ranges, gamma: look.stretch.gamma } });
  }

  private set(look: Look): void {
    this.state.look.value = look;
    this.base = look.stretch.ranges;
    this.draw();
  }
}

/** Three bands of a scene: those named, and its first ones where fewer are. */
function three(scene: Scene, bands: readonly string[]): [string, string, string] {
  const names = scene.bands.map((each) => each.name);
  const [red = names[0] ?? "", green = names[1] ?? red, blue = names[2] ?? green] = bands;
  return [red, green, blue];
}

function slider(label: string, min: number, max: number, value: number, run: (value: number) => void): HTMLLabelElement {
  const made = el("input", { type: "range", min: String(min), max: String(max), value: String(Math.round(value)) });
  made.addEventListener("input", () => run(Number(made.value)));
  return el("label", { class: "field" }, el("span", {}, label), made);
}
