/** What the page knows and shows; panels and map follow it. */

import type { Job, Layer, Model, Project, Recipe, Scene } from "./api";
import type { Side } from "./curtain";
import { Observable } from "./observable";
import { codeOf } from "./projection";

export interface Shown {
  visible: boolean;
  opacity: number;
  /** The one colour of all its outlines; null colours them by class. */
  colour: string | null;
}

/** A raster of a finished prediction that lies over the scene. */
export interface RasterChoice {
  job: string;
  raster: "classes" | "probabilities" | "uncertainty";
}

/** With what the active layer is compared: another layer, or its own earlier state. */
export interface Difference {
  title: string;
  layer?: string;
  /** Snapshots by their ids, or revisions; `to` is now when it is left out. */
  from?: string;
  to?: string;
}

/** How numbers of a band become light: what is black, what is white (stored numbers), and the exponent between. */
export interface Stretch {
  ranges: [number, number][];
  gamma: number;
}

export interface Look {
  recipe: Recipe;
  stretch: Stretch;
}

export type Compare = "none" | "swipe" | "side";

export class State {
  readonly project = new Observable<Project | null>(null);
  readonly scenes = new Observable<readonly Scene[]>([]);
  readonly models = new Observable<readonly Model[]>([]);
  readonly layers = new Observable<readonly Layer[]>([]);
  readonly jobs = new Observable<readonly Job[]>([]);
  /** The scene that is looked at, and how. */
  readonly scene = new Observable<Scene | null>(null);
  readonly look = new Observable<Look | null>(null);
  readonly sceneOpacity = new Observable(1);
  /** The name of the map from the internet beneath the scene; empty without one. */
  readonly basemap = new Observable(sessionStorage.getItem("firnline.basemap") ?? "");
  /** The layer that is worked on. */
  readonly active = new Observable<Layer | null>(null);
  readonly shown = new Observable<ReadonlyMap<string, Shown>>(new Map());
  readonly overlaysHidden = new Observable(false);
  /** Ids of the outlines that are chosen. */
  readonly selection = new Observable<readonly string[]>([]);
  readonly compare = new Observable<Compare>("none");
  /** The scene on the right of a comparison, and its look. */
  readonly other = new Observable<Scene | null>(null);
  readonly otherLook = new Observable<Look | null>(null);
  /** Layers of outlines on the right of a comparison; those on the left are `shown`. */
  readonly opposite = new Observable<ReadonlySet<string>>(new Set());
  /** The layer whose outlines the editing tools draw themselves now. */
  readonly held = new Observable<string | null>(null);
  /** With what the active layer is compared. */
  readonly difference = new Observable<Difference | null>(null);
  /** Outlines give way to the areas in which two layers, or two states of one, differ. */
  readonly onlyDisagreement = new Observable(false);
  /** Grows with each snapshot that is made here. */
  readonly snapshots = new Observable(0);
  readonly raster = new Observable<RasterChoice | null>(null);
  readonly rasterOpacity = new Observable(0.7);
  readonly saved = new Observable("");
  readonly who = new Observable(localStorage.getItem("firnline.who") ?? "");
  readonly session = sessionOfThisTab();

  constructor() {
    this.who.onChange((who) => localStorage.setItem("firnline.who", who));
    this.basemap.onChange((name) => sessionStorage.setItem("firnline.basemap", name));
  }

  /** A job that was just asked for, unless the server told of it already. */
  addJob(job: Job): void {
    if (!this.jobs.value.some((each) => each.id === job.id)) this.jobs.value = [job, ...this.jobs.value];
  }

  shownOf(layer: string): Shown {
    return this.shown.value.get(layer) ?? { visible: true, opacity: 1, colour: null };
  }

  /** Layers that lie where the scene does. */
  layersHere(): Layer[] {
    const here = this.scene.value ? codeOf(this.scene.value.crs) : "";
    return this.layers.value.filter((layer) => codeOf(layer.crs) === here);
  }

  /** Whether a layer's outlines are drawn on a side of a comparison; without one all is left. */
  isOn(layer: string, side: Side): boolean {
    return side === "left" ? this.shownOf(layer).visible : this.opposite.value.has(layer);
  }

  setOn(layer: string, side: Side, on: boolean): void {
    if (side === "left") return this.show(layer, { visible: on });
    const next = new Set(this.opposite.value);
    if (on) next.add(layer);
    else next.delete(layer);
    this.opposite.value = next;
  }

  /** Whether a layer's outlines are drawn anywhere on the main map, and on which side of a swipe; null is all over. */
  placeOf(layer: string): { visible: boolean; side: Side | null } {
    const left = this.isOn(layer, "left");
    const right = this.compare.value === "swipe" ? this.isOn(layer, "right") : left;
    return { visible: left || right, side: left === right ? null : left ? "left" : "right" };
  }

  show(layer: string, change: Partial<Shown>): void {
    this.shown.value = new Map(this.shown.value).set(layer, { ...this.shownOf(layer), ...change });
  }
}

/** Whether both sides of a comparison show one scene in one look: then the picture is one. */
export function showsSamePicture({ scene, look, other, otherLook }: State): boolean {
  return scene.value?.id === other.value?.id && look.value?.recipe.id === otherLook.value?.recipe.id;
}

/** Kept over a reload, so that what was done can still be taken back; another tab has its own. */
function sessionOfThisTab(): string {
  const kept = sessionStorage.getItem("firnline.session");
  const session = kept ?? crypto.randomUUID();
  sessionStorage.setItem("firnline.session", session);
  return session;
}
