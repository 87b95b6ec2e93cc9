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

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function find(event: KeyboardEvent): Key | undefined {
  const name = nameOf(event);
  return bound.find((key) => key.keys.some((each) => each.toLowerCase() === name.toLowerCase()));
}

/** Listen to the keyboard. Keys do nothing while someone writes, and leave buttons theirs. */
export function listen(): void {
  document.addEventListener("keydown", (event) => {
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const onControl = event.target instanceof HTMLElement && event.target.closest("button, a, summary") !== null;
    if (onControl && (event.key === " " || event.key === "Enter" || event.key === "Tab")) return;
    const key = find(event);
    if (!key) return;
    event.preventDefault();
    if (!event.repeat) key.run();
  });
  document.addEventListener("keyup", (event) => find(event)?.release?.());
}
