/** Two people changed one outline: both versions on the map, and the choice between them. */

import Feature from "ol/Feature";
import VectorLayer from "ol/layer/Vector";
import VectorSource from "ol/source/Vector";

import { CLASS_NAMES } from "../colours";
import { el, when } from "./dom";
import type { Editor } from "./editor";
import { boundsOf } from "./geometry";
import { operationTitle, type Conflict, type Outline } from "./operations";
import type { OutboxEntry } from "./outbox_store";
import { toGeometry, toShape } from "./outlines";
import { replay } from "./provisional";
import { sideStyle } from "./style";

type View = "both" | "theirs" | "again";

/** What the person's edit makes of outlines, as far as it can be shown before the server has it, and what was drawn. */
export function withEdit(entry: OutboxEntry, outlines: Outline[]): Feature[] {
  const held = new Map(outlines.map((outline) => [outline.id, outline]));
  const played = replay(held, [entry.body]);
  const features: Feature[] = [];
  for (const outline of outlines) {
    if (!played.removed.has(outline.id)) features.push(new Feature(toGeometry((played.changed.get(outline.id) ?? outline).geometry)));
  }
  for (const { geometry } of played.sketches) features.push(new Feature(toShape(geometry)));
  return features;
}

function theirs(conflicts: Conflict[]): Outline[] {
  return conflicts.map((conflict) => conflict.current).filter((outline): outline is Outline => outline !== null);
}

function said(conflict: Conflict): string {
  const who = conflict.changed_by ?? "Somebody";
  const at = when(conflict.changed_at);
  if (!conflict.current) return `${who} took this outline out, ${at}.`;
  const { version, class: value } = conflict.current.properties;
  return `${who} changed this outline, ${at}: version ${version}, ${CLASS_NAMES[value] ?? ""} (you saw version ${conflict.expected}).`;
}

export class ConflictDialog {
  private readonly mine = new VectorSource({ wrapX: false });
  private readonly other = new VectorSource({ wrapX: false });
  private readonly layers = [
    new VectorLayer({ source: this.other, style: sideStyle(false), zIndex: 1100 }),
    new VectorLayer({ source: this.mine, style: sideStyle(true), zIndex: 1101 }),
  ];
  private dialog: HTMLDialogElement | null = null;

  constructor(private readonly editor: Editor) {
    for (const layer of this.layers) editor.place.map.addLayer(layer);
  }

  show(entry: OutboxEntry, conflicts: Conflict[]): void {
    this.close();
    const buttons = this.choices(entry, conflicts);
    const dialog = el(
      "dialog",
      { class: "edit-conflict", "aria-labelledby": "edit-conflict-title", "data-testid": "conflict" },
      el("h2", { id: "edit-conflict-title" }, "Changed by somebody else"),
      el("p", {}, `Your change (${operationTitle(entry.body.operation).toLowerCase()}, ${when(entry.at)}) was made on an older version.`),
      el("ul", { class: "edit-conflict-list" }, ...conflicts.map((conflict) => el("li", {}, said(conflict)))),
      el("p", { class: "edit-conflict-legend" }, el("span", { class: "edit-mine" }, "mine, dashed"), " ", el("span", { class: "edit-theirs" }, "theirs, solid")),
      ...buttons,
    );
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    document.body.append(dialog);
    this.dialog = dialog;
    dialog.show(); // not modal: the map behind shows both versions and can be moved
    this.editor.muted = new Set([...entry.before.map((outline) => outline.id), ...conflicts.map((each) => each.feature)]);
    this.editor.changed();
    this.picture(entry, conflicts, "both");
    this.zoom(entry, conflicts);
    dialog.querySelector<HTMLButtonElement>("button")?.focus();
  }

  private choices(entry: OutboxEntry, conflicts: Conflict[]): HTMLElement[] {
    const left = entry.body.features.filter((id) => !conflicts.some((c) => c.feature === id && c.current === null));
    const possible = left.length > 0 || entry.body.features.length === 0;
    const preview = (view: View, text: string): HTMLButtonElement =>
      el("button", { type: "button", class: "edit-button", "data-testid": `preview-${view}`, "aria-pressed": "false", onclick: () => this.picture(entry, conflicts, view) }, text);
    const keep = el("button", { type: "button", class: "edit-button primary", "data-testid": "keep-theirs", onclick: () => void this.keepTheirs(entry, conflicts) }, "Keep theirs");
    const again = el("button", { type: "button", class: "edit-button primary", "data-testid": "apply-mine", disabled: !possible, onclick: () => void this.applyMine(entry, conflicts, left) }, "Apply mine again on theirs");
    return [
      el("div", { class: "edit-previews", role: "group", "aria-label": "Show on the map" }, preview("both", "Show both"), preview("theirs", "Preview theirs"), preview("again", "Preview mine on theirs")),
      el("div", { class: "edit-choices" }, keep, again),
    ];
  }

  /** Draw a view of the conflict. */
  private picture(entry: OutboxEntry, conflicts: Conflict[], view: View): void {
    this.mine.clear();
    this.other.clear();
    const present = theirs(conflicts);
    const shown = view === "again" ? [] : present.map((outline) => new Feature(toGeometry(outline.geometry)));
    this.other.addFeatures(shown);
    if (view === "both") this.mine.addFeatures(withEdit(entry, entry.before));
    if (view === "again") this.mine.addFeatures(withEdit(entry, this.onTheirs(entry, present)));
    for (const its of this.dialog?.querySelectorAll<HTMLButtonElement>(".edit-previews button") ?? []) {
      its.setAttribute("aria-pressed", String(its.dataset.testid === `preview-${view}`));
    }
  }

  /** The outlines of the edit as they are now: theirs where changed, else as they were. */
  private onTheirs(entry: OutboxEntry, present: Outline[]): Outline[] {
    const changed = new Set(present.map((outline) => outline.id));
    return [...present, ...entry.before.filter((outline) => !changed.has(outline.id))];
  }

  private zoom(entry: OutboxEntry, conflicts: Conflict[]): void {
    const bounds = boundsOf([...theirs(conflicts), ...entry.before]);
    if (bounds) this.editor.place.map.getView().fit(bounds, { padding: [60, 60, 60, 60], maxZoom: 20, duration: 200 });
  }

  /** Take over what the others made. */
  private accept(conflicts: Conflict[]): void {
    const removed = conflicts.filter((conflict) => conflict.current === null).map((conflict) => conflict.feature);
    this.editor.outlines.apply({ features: theirs(conflicts), removed });
    this.editor.selection.drop(removed);
  }

  private async keepTheirs(entry: OutboxEntry, conflicts: Conflict[]): Promise<void> {
    this.close();
    this.accept(conflicts);
    await this.editor.outbox.discard(entry);
    this.editor.onGap();
    this.editor.waitingChanged();
  }

  private async applyMine(entry: OutboxEntry, conflicts: Conflict[], features: string[]): Promise<void> {
    this.close();
    this.accept(conflicts);
    const expected = { ...entry.body.expected };
    for (const { feature, current } of conflicts) {
      if (current) expected[feature] = current.properties.version;
      else delete expected[feature];
    }
    await this.editor.outbox.again(entry, features, expected);
  }

  private close(): void {
    this.dialog?.close();
    this.dialog?.remove();
    this.dialog = null;
    this.editor.muted = new Set();
    this.editor.changed();
    this.mine.clear();
    this.other.clear();
  }
}
