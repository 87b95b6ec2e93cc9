/** Elements made in one line; no HTML text, so that nothing of a file's or a person's name becomes markup. */

type Child = Node | string | null | undefined;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | boolean> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

export function button(label: string, run: () => void, attributes: Record<string, string | boolean> = {}): HTMLButtonElement {
  const made = el("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", run);
  return made;
}

/** A select of (value, label); `run` is told the value. */
export function select(
  label: string,
  options: readonly [string, string][],
  value: string,
  run: (value: string) => void,
): HTMLLabelElement {
  const made = el("select", {}, ...options.map(([key, title]) => el("option", { value: key, selected: key === value }, title)));
  made.addEventListener("change", () => run(made.value));
  return el("label", { class: "field" }, el("span", {}, label), made);
}

export function section(title: string, ...children: Child[]): HTMLElement {
  return el("section", {}, el("h2", {}, title), ...children);
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page lacks #${id}`);
  return found;
}

/** Ask for a short text; null when the person thought better of it. */
export function askText(title: string, label: string, value = ""): Promise<string | null> {
  const input = el("input", { type: "text", value, required: true, maxlength: "200" });
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", {}, title),
    el("label", { class: "field" }, el("span", {}, label), input),
    el("div", { class: "buttons" }, button("Cancel", () => dialog.close("")), el("button", { value: "yes", class: "primary" }, "OK")),
  );
  const dialog = el("dialog", { "aria-label": title }, form);
  document.body.append(dialog);
  dialog.showModal();
  input.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      const said = input.value.trim();
      resolve(dialog.returnValue === "yes" && said ? said : null);
    });
  });
}
