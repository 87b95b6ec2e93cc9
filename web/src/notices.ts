/** Short words to the person, at the foot of the map. */

import { button, byId, el } from "./dom";

export type NoticeKind = "info" | "success" | "warning" | "error";

const SECONDS: Record<NoticeKind, number> = { info: 5, success: 4, warning: 9, error: 0 };

/** Show a message; errors stay until they are closed. */
export function notify(message: string, kind: NoticeKind = "info"): void {
  const notice = el("div", { class: `notice ${kind}` }, el("span", {}, message));
  notice.append(button("×", () => notice.remove(), { "aria-label": "Close" }));
  byId("notices").append(notice);
  if (SECONDS[kind]) setTimeout(() => notice.remove(), 1000 * SECONDS[kind]);
}

/** A message that stays and changes until it is null: what is being waited for. */
export function waiting(): (message: string | null) => void {
  const notice = el("div", { class: "notice info", "aria-live": "off" });
  return (message) => {
    if (message === null) return notice.remove();
    notice.textContent = message;
    if (!notice.isConnected) byId("notices").append(notice);
  };
}

/** Run something that asks the server, and say what went wrong. */
export async function told<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    const lost = error instanceof TypeError;
    notify(lost ? "the server does not answer" : error instanceof Error ? error.message : String(error), "error");
    return null;
  }
}
