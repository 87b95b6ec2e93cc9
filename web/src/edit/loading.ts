/** Keeps the outlines of the view on the desk: loads by view and revision, and follows what others change. */

import { buffer, getHeight, getWidth } from "ol/extent";
import { unByKey } from "ol/Observable";

import { ROOT } from "../api";
import type { Editor } from "./editor";
import { boundsOf } from "./geometry";
import type { Outline, OutlinePage } from "./operations";

/** More outlines than this are for looking at, not for editing. */
export const MOST_OUTLINES = 2000;
const AFTER_MOVE_MS = 150;

interface Change {
  revision: number;
  who: string;
  features: string[];
}

export class Loader {
  private timer: number | undefined;
  private asking: AbortController | null = null;
  private layer: string | null = null;
  private newest = 0;

  constructor(private readonly editor: Editor) {
    const place = editor.place;
    const key = place.map.on("moveend", () => this.soon());
    this.stop = () => unByKey(key);
    place.onView(() => this.soon());
    place.onRevision((layer, revision) => {
      if (layer !== this.layer || revision <= this.newest) return;
      this.newest = revision;
      this.soon();
    });
    editor.onGap = () => {
      this.newest = Number.MAX_SAFE_INTEGER;
      this.soon();
    };
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.others();
    });
    window.addEventListener("online", () => this.soon());
  }

  readonly stop: () => void;

  soon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.load(), AFTER_MOVE_MS);
  }

  private block(why: string | null): void {
    if (this.editor.blocked === why) return;
    this.editor.blocked = why;
    this.editor.changed();
  }

  /** Look at the layer and the view, and fetch what is missing. */
  async load(): Promise<void> {
    const { outlines, place } = this.editor;
    const layer = place.layer();
    if ((layer?.id ?? null) !== this.layer) this.change(layer?.id ?? null, layer?.revision ?? 0);
    if (layer) this.newest = Math.max(this.newest, layer.revision);
    if (!layer) return this.block("choose an inventory to edit");
    if (layer.kind === "reference") return this.block("a reference is for comparing: copy it to edit the copy");
    const view = place.map.getView();
    if (view.getProjection().getCode() !== layer.projection) {
      outlines.empty(new Set()); // their coordinates mean other places here
      return this.block(`this inventory is in ${layer.projection}: open a scene of that zone to edit it`);
    }
    const size = place.map.getSize();
    if (!size || !view.getCenter()) return;
    const extent = view.calculateExtent(size);
    if (outlines.covers(extent, this.newest)) return this.block(null);
    if (outlines.covers(extent, 0) && (await this.others())) return this.block(null);
    // With some ground around it, so that a small step needs nothing new; without where that is too much.
    const wide = buffer(extent, Math.max(getWidth(extent), getHeight(extent)) / 4);
    if (!(await this.fetchView(layer.id, wide))) await this.fetchView(layer.id, extent, true);
  }

  private change(layer: string | null, revision: number): void {
    this.layer = layer;
    this.newest = revision;
    this.asking?.abort();
    this.editor.outlines.clear();
    this.editor.selection.clear();
    this.editor.last = null;
    this.editor.waitingChanged();
  }

  /** Hold what is in an extent; false where it is too much, which is then said when `last`. */
  private async fetchView(layer: string, extent: number[], last = false): Promise<boolean> {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    const bbox = extent.map((value) => value.toFixed(3)).join(",");
    const page = await this.get<OutlinePage>(`features?bbox=${bbox}&limit=${MOST_OUTLINES}`, asking.signal);
    if (!page || asking.signal.aborted || this.layer !== layer) return true;
    const keep = new Set(this.editor.selection.ids);
    if (page.revision < this.editor.outlines.revision) {
      this.soon(); // asked before a change whose answer is here already
      return true;
    }
    if (page.next && !last) return false;
    if (page.next) {
      this.editor.outlines.empty(keep);
      this.block(`more than ${MOST_OUTLINES} outlines here: zoom in to edit`);
      return true;
    }
    this.newest = page.revision;
    this.editor.outlines.fill(page.features, extent, page.revision, keep);
    this.dropUnheld();
    this.block(null);
    this.editor.changed();
    return true;
  }

  private dropUnheld(): void {
    const { outlines, selection } = this.editor;
    selection.drop(selection.ids.filter((id) => !outlines.outline(id)));
  }

  /** Fetch what was changed since the revision that is held, one by one while few; false: load the view anew. */
  private async others(): Promise<boolean> {
    const { outlines, outbox } = this.editor;
    if (!this.layer || !this.editor.ready) return false;
    const layer = this.layer;
    if (outbox.state === "sending") await outbox.flush();
    const changes = await this.get<Change[]>(`changes?since=${outlines.revision}`);
    if (!changes || layer !== this.layer) return false;
    const ids = new Set(changes.flatMap((change) => change.features));
    if (ids.size > 50) return false;
    const features = await this.changed([...ids]);
    if (layer !== this.layer || !features) return false;
    const there = new Set(features.map((outline) => outline.id));
    outlines.apply({ features, removed: [...ids].filter((id) => !there.has(id)) });
    outlines.revision = Math.max(outlines.revision, ...changes.map((change) => change.revision));
    this.newest = outlines.revision;
    this.dropUnheld();
    this.editor.changed();
    return true;
  }

  /** Outlines of these ids as they are now: those held by their place (some may be gone), new ones by their id. */
  private async changed(ids: string[]): Promise<Outline[] | null> {
    const { outlines } = this.editor;
    const held = ids.map((id) => outlines.outline(id)).filter((outline): outline is Outline => outline !== undefined);
    const known = new Set(held.map((outline) => outline.id));
    const found = await Promise.all(ids.filter((id) => !known.has(id)).map((id) => this.get<Outline>(`features/${id}`)));
    const bounds = boundsOf(held);
    const page = bounds && (await this.get<OutlinePage>(`features?bbox=${bounds.join(",")}&limit=${MOST_OUTLINES}`));
    // An outline that could not be asked for is not one that is gone.
    if (found.includes(undefined) || page === undefined || page?.next) return null;
    const wanted = new Set(ids);
    return [...(page?.features ?? []), ...found].filter((outline): outline is Outline => !!outline && wanted.has(outline.id));
  }

  /** GET below the layer; null when it is not there, undefined when the server cannot be asked. */
  private async get<T>(route: string, signal?: AbortSignal): Promise<T | null | undefined> {
    if (!this.layer) return undefined;
    try {
      const response = await fetch(`${ROOT}/inventories/${this.layer}/${route}`, { signal, cache: "no-cache" });
      if (response.status === 404) return null;
      return response.ok ? ((await response.json()) as T) : undefined;
    } catch {
      return undefined;
    }
  }
}
