/** Who corrects: kept with each change. */

import { el, section } from "../dom";
import type { State } from "../state";

export function whoPanel(state: State): HTMLElement {
  const input = el("input", { type: "text", value: state.who.value, maxlength: "200", autocomplete: "name" });
  input.addEventListener("change", () => (state.who.value = input.value.trim()));
  return section("You", el("label", { class: "field" }, el("span", {}, "Name, kept with each change"), input));
}
