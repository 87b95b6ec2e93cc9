/** All keys of the page in one place, so that `?` can show every one of them. */

export interface Key {
  /** As in KeyboardEvent.key, with modifiers before it: "Ctrl+Shift+z", "e", "Escape". */
  keys: string[];
  title: string;
  run: () => void;
  /** Called when the key is let go. */
  release?: () => void;
}

const bound: Key[] = [];

export function bind(key: Key): void {
  bound.push(key);
}

export function boundKeys(): readonly Key[] {
  return bound;
}

/** The name of what was pressed, as `Key.keys` writes it. */
export function nameOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // Shift is part of a sign ("?") and a modifier of a letter.
  const shift = event.shiftKey && (key.length > 1 || /[a-z]/.test(key));
  const control = event.ctrlKey || event.metaKey;
  return `${control ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift ? "Shift+" : ""}${key}`;
}

/** Inputs in which no letter is written: a slider that was used must not take the keys of the tools. */
const NOT_WRITTEN = ["range", "checkbox", "radio", "button"];

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !NOT_WRITTEN.includes(target.type);
  return target instanceof HTMLElement && (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Keys that a control needs for itself. */
function isItsOwn(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement) || !target.closest("button, a, summary, input, [role='tab']")) return false;
  return ["Tab", " ", "Enter"].includes(key) || (target instanceof HTMLInputElement && /^(Arrow|Home|End|Page)/.test(key));
}

function find(event: KeyboardEvent): Key | undefined {
  const name = nameOf(event);
  return bound.find((key) => key.keys.some((each) => each.toLowerCase() === name.toLowerCase()));
}

/** Listen to the keyboard. Keys do nothing while someone writes, and leave buttons theirs. */
export function listen(): void {
  document.addEventListener("keydown", (event) => {
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (isItsOwn(event.target, event.key)) return;
    const key = find(event);
    if (!key) return;
    event.preventDefault();
    if (!event.repeat) key.run();
  });
  document.addEventListener("keyup", (event) => find(event)?.release?.());
  // Whoever goes to another window lets go there.
  window.addEventListener("blur", () => bound.forEach((key) => key.release?.()));
}
