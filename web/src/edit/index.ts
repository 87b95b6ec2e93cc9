import type { EditContext } from "../edit_context";

export function mountEditing(_: EditContext): void {}
