/** What the server says by itself: jobs go on, row bands are finished, layers change. */

import { ROOT, ask, type Job, type Layer, type Prediction, type RowBand } from "./api";
import { notify } from "./notices";
import type { State } from "./state";


type LayerListener = (layer: string, revision: number) => void;
type BandListener = (band: RowBand) => void;

/** Listens for as long as the page is open; the browser connects again by itself, and is told what it missed. */
export class ServerEvents {
  private readonly onLayer = new Set<LayerListener>();
  private readonly onBand = new Set<BandListener>();

  constructor(private readonly state: State) {}

  onRevision(listener: LayerListener): void {
    this.onLayer.add(listener);
  }

  onRowBand(listener: BandListener): void {
    this.onBand.add(listener);
  }

  listen(): void {
    const source = new EventSource(`${ROOT}/events`);
    source.addEventListener("job", (event) => this.job(JSON.parse(event.data as string) as Job));
    source.addEventListener("band", (event) => {
      for (const listener of this.onBand) listener(JSON.parse(event.data as string) as RowBand);
    });
    source.addEventListener("layer", (event) => {
      const said = JSON.parse(event.data as string) as { layer: string; revision: number };
      void this.layerChanged(said.layer, said.revision);
    });
  }

  private job(job: Job): void {
    const others = this.state.jobs.value.filter((each) => each.id !== job.id);
    const before = this.state.jobs.value.find((each) => each.id === job.id);
    this.state.jobs.value = [job, ...others];
    if (job.kind === "predict" && before && before.state !== job.state) {
      if (job.state === "done") void this.take(job);
      if (job.state === "done") notify("The prediction is finished: its outlines are a new layer of proposals.", "success");
      if (job.state === "failed") notify(`The prediction failed: ${job.error ?? "see the server's log"}`, "error");
    }
  }

  /** Work goes on with a prediction where there is no other layer that is worked on. */
  private async take(job: Prediction): Promise<void> {
    await refreshLayers(this.state);
    this.state.active.value ??= this.state.layers.value.find((layer) => layer.id === job.result?.inventory) ?? null;
  }

  private async layerChanged(id: string, revision: number): Promise<void> {
    await refreshLayers(this.state);
    for (const listener of this.onLayer) listener(id, revision);
  }
}

/** Read the list of layers anew; the active one stays the active one. */
export async function refreshLayers(state: State): Promise<void> {
  const layers = await ask<Layer[]>("GET", "/inventories");
  state.layers.value = layers;
  const active = state.active.value;
  if (active) state.active.value = layers.find((layer) => layer.id === active.id) ?? null;
}
