/** The versions of the chosen outline: who, when, why; seen on the map, and gone back to. */

import Feature from "ol/Feature";
import VectorLayer from "ol/layer/Vector";
import VectorSource from "ol/source/Vector";

import { ROOT } from "../api";
import { el, km2, when } from "./dom";
import type { Editor } from "./editor";
import { operationTitle, type Outline } from "./operations";
import { toGeometry } from "./outlines";
import { sideStyle } from "./style";

interface Made {
  at: string;
  who: string;
  operation: string;
  scene: string | null;
  why: string | null;
}

interface Past {
  feature: Outline;
  made: Made | null;
  ended: Made | null;
}

class HistoryList {
  private readonly source = new VectorSource({ wrapX: false });
  private readonly layer = new VectorLayer({ source: this.source, style: sideStyle(true), zIndex: 900 });
  private readonly list = el("ol", { class: "edit-versions", "data-testid": "history" });
  private readonly link = el(
    "button",
    { type: "button", class: "edit-link", "aria-expanded": "false", "data-testid": "history-open", onclick: () => this.toggle() },
    "History",
  );
  private open = false;
  private shown = "";

  constructor(
    parent: HTMLElement,
    private readonly editor: Editor,
  ) {
    parent.append(this.link, this.list);
    editor.place.map.addLayer(this.layer);
    editor.onChange(() => this.refresh());
    this.refresh();
  }

  private toggle(): void {
    this.open = !this.open;
    this.refresh();
  }

  private refresh(): void {
    const [id, more] = this.editor.selection.ids;
    const usable = id !== undefined && more === undefined;
    this.link.hidden = !usable;
    this.list.hidden = !usable || !this.open;
    this.link.setAttribute("aria-expanded", String(this.open));
    const version = usable ? (this.editor.outlines.outline(id)?.properties.version ?? 0) : 0;
    const wanted = usable && this.open ? `${id}:${version}` : "";
    if (wanted === this.shown) return;
    this.shown = wanted;
    this.source.clear();
    if (wanted && id !== undefined) void this.load(id, version, wanted);
    else this.list.replaceChildren();
  }

  private async load(id: string, version: number, wanted: string): Promise<void> {
    const layer = this.editor.place.layer();
    if (!layer) return;
    try {
      const response = await fetch(`${ROOT}/inventories/${layer.id}/features/${id}/history`, { cache: "no-cache" });
      if (!response.ok || this.shown !== wanted) return;
      const past = (await response.json()) as Past[];
      this.list.replaceChildren(...past.reverse().map((each) => this.item(id, each, version)));
    } catch {
      this.list.replaceChildren(el("li", {}, "The history needs the connection to the server."));
    }
  }

  private item(id: string, past: Past, version: number): HTMLElement {
    const { feature, made } = past;
    const own = feature.properties.version;
    const said = made ? `${operationTitle(made.operation)} by ${made.who}, ${when(made.at)}` : "As it was imported";
    const show = (): void => this.show(feature);
    const hide = (): void => this.show(null);
    const line = el("span", {}, `${own}. ${said}; ${km2(feature.properties.area_km2)}`);
    const why = made?.why ? el("q", { class: "edit-why-said" }, made.why) : null;
    const item = el("li", { "data-version": own, onpointerenter: show, onpointerleave: hide }, line, why);
    if (own === version) item.setAttribute("aria-current", "true");
    else {
      const revert = (): void => {
        hide();
        void this.editor.revert(id, own);
      };
      item.append(
        el(
          "button",
          { type: "button", class: "edit-button", "data-testid": `revert-${own}`, "aria-label": `Go back to version ${own}`, onclick: revert, onfocus: show, onblur: hide },
          "Go back to this",
        ),
      );
    }
    return item;
  }

  private show(outline: Outline | null): void {
    this.source.clear();
    if (outline) this.source.addFeature(new Feature(toGeometry(outline.geometry)));
  }
}

export function mountHistory(parent: HTMLElement, editor: Editor): void {
  new HistoryList(parent, editor);
}
