/** The desk: the outlines held, the ones chosen, what waits to be sent, and the way every correction takes. */

import { ringsOf, samePosition } from "./geometry";
import type { Answer, Conflict, Edit, Outline, OutlineClass, Position } from "./operations";
import { operationTitle } from "./operations";
import { Outbox } from "./outbox";
import { openStore, type OutboxEntry } from "./outbox_store";
import { Outlines } from "./outlines";
import { Selection } from "./selection";
import { post, sendOperation } from "./transport";
import type { Workplace } from "./workplace";

export interface LastChange {
  operation: string;
  areaKm2: number;
  changeKm2: number;
}

const NOBODY = "unknown";

export class Editor {
  readonly outlines = new Outlines();
  readonly selection: Selection;
  /** The class that is drawn next. */
  drawClass: 1 | 2 = 1;
  /** Whether what is drawn or added takes ground from others. */
  overwrite = false;
  /** What fills a hole that is cut: nothing or a class. */
  holeClass: OutlineClass = 0;
  /** Written with every change, until it is emptied. */
  why = "";
  last: LastChange | null = null;
  /** Area difference of what is being dragged or drawn now, m², or null. */
  liveM2: number | null = null;
  /** Whether that is a new outline, and no change of those chosen. */
  liveIsNew = false;
  /** Outlines that something else draws for now: the two sides of a conflict. */
  muted: ReadonlySet<string> = new Set();
  /** May outlines be edited here? Why not, otherwise. */
  blocked: string | null = "choose an inventory to edit";
  onConflict: (entry: OutboxEntry, conflicts: Conflict[]) => void = () => undefined;
  /** Called when an answer is more than one revision ahead: somebody else's change lies between. */
  onGap: () => void = () => undefined;
  private readonly listeners: (() => void)[] = [];
  private box: Outbox | null = null;
  private reminded = false;

  constructor(readonly place: Workplace) {
    this.selection = new Selection((ids) => {
      place.selected(ids);
      this.changed();
    });
  }

  /** Open the outbox and send what an earlier page left. */
  async open(): Promise<void> {
    const { store, durable } = await openStore();
    if (!durable) this.place.notify("This browser keeps nothing: changes are lost when the page closes", "warning");
    this.box = new Outbox(store, sendOperation, {
      changed: () => this.waitingChanged(),
      applied: (entry, answer) => this.applied(entry, answer),
      refused: (entry, detail) => this.refused(entry, detail),
      conflict: (entry, conflicts) => this.onConflict(entry, conflicts),
    });
    await this.box.open();
  }

  get outbox(): Outbox {
    if (!this.box) throw new Error("the outbox is not open yet");
    return this.box;
  }

  get ready(): boolean {
    return this.box !== null;
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  changed(): void {
    for (const listener of this.listeners) listener();
  }

  live(areaM2: number | null, isNew = false): void {
    this.liveM2 = areaM2;
    this.liveIsNew = isNew;
    this.changed();
  }

  /** Outlines that have a vertex at a place, as they are shown. */
  having(vertex: Position): Outline[] {
    return this.shown().filter((outline) =>
      ringsOf(outline.geometry).some((ring) => ring.some((p) => samePosition(p, vertex))),
    );
  }

  /** All outlines as they are shown. */
  shown(): Outline[] {
    const found: Outline[] = [];
    for (const id of this.outlines.ids()) {
      const outline = this.outlines.current(id);
      if (outline) found.push(outline);
    }
    return found;
  }

  /** The outlines chosen, as they are shown. */
  chosen(): Outline[] {
    return this.selection.ids.map((id) => this.outlines.current(id)).filter((o): o is Outline => o !== undefined);
  }

  /** Do a correction: keep it in the outbox, show what can be shown, send it. */
  async perform(edit: Edit): Promise<void> {
    const layer = this.place.layer();
    if (!layer || this.blocked) {
      this.place.notify(this.blocked ?? "choose an inventory to edit", "warning");
      return;
    }
    const expected: Record<string, number> = {};
    const before: Outline[] = [];
    for (const id of edit.features) {
      const held = this.outlines.outline(id);
      if (held) expected[id] = held.properties.version;
      const shown = this.outlines.current(id);
      if (shown) before.push(shown);
    }
    const body = {
      ...edit,
      expected,
      key: crypto.randomUUID(),
      session: this.place.session,
      who: this.name(),
      scene: this.place.scene(),
      why: this.why.trim() || null,
    };
    await this.outbox.put({ layer: layer.id, body, before, at: new Date().toISOString() });
  }

  /** Whose change it is; whoever has not said a name is reminded once. */
  private name(): string {
    const who = this.place.who();
    if (!who && !this.reminded) this.place.notify("Write your name at the top of the page: changes carry it", "info");
    this.reminded = true;
    return who || NOBODY;
  }

  /** Give the chosen outlines a class; with none chosen, set the class that is drawn next. */
  classify(value: OutlineClass): void {
    const features = this.selection.ids;
    if (features.length > 0) void this.perform({ operation: "reclassify", features, class: value });
    else if (value !== 0) {
      this.drawClass = value;
      this.changed();
    } else this.place.notify("Choose the outlines that are background", "info");
  }

  async undo(): Promise<void> {
    const layer = this.place.layer();
    if (!layer) return;
    const taken = await this.outbox.takeBack(layer.id);
    if (taken) {
      this.waitingChanged();
      this.place.notify(`${operationTitle(taken.body.operation)}: taken back before it was sent`, "info");
      return;
    }
    await this.ask(layer.id, "undo", "Undo");
  }

  async redo(): Promise<void> {
    const layer = this.place.layer();
    if (layer) await this.ask(layer.id, "redo", "Redo");
  }

  /** Make an outline as it was in an earlier version. */
  async revert(id: string, version: number): Promise<void> {
    const layer = this.place.layer();
    if (layer) await this.ask(layer.id, `features/${id}/revert`, "Revert", { version });
  }

  /** Changes that the server alone can make: asked for once everything before them is there. */
  private async ask(layer: string, route: string, title: string, more: Record<string, number> = {}): Promise<void> {
    await this.outbox.flush();
    if (this.outbox.waiting(layer).length > 0) {
      this.place.notify(`${title} waits for the connection: changes are not sent yet`, "warning");
      return;
    }
    const body = { session: this.place.session, who: this.name(), ...more };
    const reply = await post(`/inventories/${layer}/${route}`, body);
    if (reply.kind === "applied") this.take(layer, title, reply.answer);
    else if (reply.kind === "unreachable") this.place.notify(`${title}: no connection to the server`, "warning");
    else this.place.notify(`${title}: ${reply.detail}`, "warning");
  }

  private applied(entry: OutboxEntry, answer: Answer): void {
    const mine = entry.layer === this.place.layer()?.id;
    this.take(entry.layer, operationTitle(entry.body.operation), answer);
    if (mine && (entry.body.operation === "draw" || entry.body.operation === "split")) {
      const made = answer.features.filter((o) => o.properties.version === 1 || entry.body.features.includes(o.id));
      this.selection.set(made.map((outline) => outline.id));
    }
    this.waitingChanged();
  }

  private take(layer: string, operation: string, answer: Answer): void {
    this.place.revised(layer, answer.revision, answer.area_km2);
    if (layer !== this.place.layer()?.id) return;
    this.outlines.apply(answer);
    if (answer.revision === this.outlines.revision + 1) this.outlines.revision = answer.revision;
    else if (answer.revision > this.outlines.revision) this.onGap();
    this.last = { operation, areaKm2: answer.area_km2, changeKm2: answer.area_change_km2 };
    this.selection.drop(answer.removed);
    this.changed();
  }

  private refused(entry: OutboxEntry, detail: string): void {
    this.place.notify(`${operationTitle(entry.body.operation)} was refused: ${detail}`, "error");
    this.waitingChanged();
  }

  /** What waits is different: play it over the truth. */
  waitingChanged(): void {
    const layer = this.place.layer();
    if (this.box && layer) this.outlines.wait(this.box.waiting(layer.id).map((entry) => entry.body));
    this.changed();
  }
}
