/** What lies on either side of a comparison, written beside the edge. */

import { el } from "./dom";
import type { Side } from "./curtain";
import { showsSamePicture, type State } from "./state";

export class SideLabels {
  readonly element = el("div", { id: "sides", hidden: true });

  constructor(private readonly state: State) {
    const { compare, scene, look, other, otherLook, layers, shown, opposite } = state;
    for (const each of [compare, scene, look, other, otherLook, layers, shown, opposite]) each.onChange(() => this.draw());
  }

  private draw(): void {
    this.element.hidden = this.state.compare.value === "none";
    if (!this.element.hidden) this.element.replaceChildren(this.label("left"), this.label("right"));
  }

  private label(side: Side): HTMLElement {
    const { state } = this;
    const isLeft = side === "left" || showsSamePicture(state);
    const [scene, look] = isLeft ? [state.scene.value, state.look.value] : [state.other.value, state.otherLook.value];
    const names = state.layersHere().filter((layer) => state.isOn(layer.id, side)).map((layer) => layer.name);
    return el(
      "p",
      { class: side, "data-testid": `side-${side}` },
      el("strong", {}, scene?.date ?? scene?.name ?? ""),
      el("small", {}, scene?.date ? scene.name : ""),
      // The look is said where it is what tells the sides apart.
      el("small", {}, state.scene.value?.id === state.other.value?.id && !showsSamePicture(state) ? (look?.recipe.title ?? "") : ""),
      el("small", { class: "outlines" }, names.length ? names.join(", ") : "no outlines"),
    );
  }
}
