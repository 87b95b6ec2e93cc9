/** Who corrects: kept with each change. */

import { el } from "../dom";
import type { State } from "../state";

export function nameField(state: State): HTMLElement {
  const input = el("input", { type: "text", value: state.who.value, maxlength: "200", autocomplete: "name", placeholder: "You: name", "aria-label": "Your name, kept with each change", title: "Your name, kept with each change" });
  input.addEventListener("change", () => (state.who.value = input.value.trim()));
  return input;
}
