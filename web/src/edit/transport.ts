/** One operation to the server and back, with every way in which it can end told apart. */

import { ROOT } from "../api";
import type { Answer, Conflict, OperationBody } from "./operations";

export type Reply =
  | { kind: "applied"; answer: Answer }
  /** Somebody else changed an outline first (412). */
  | { kind: "conflict"; conflicts: Conflict[]; detail: string }
  /** What it is about is not there (404): put away, or of another folder that was served at this address before. */
  | { kind: "missing"; detail: string }
  /** The server will never take it as it is (4xx): why. */
  | { kind: "refused"; detail: string }
  /** No connection: try again later. */
  | { kind: "unreachable" }
  /** The server broke (500): kept, but not tried for ever. */
  | { kind: "failed"; detail: string };

interface Problem {
  title?: string;
  detail?: unknown;
  conflicts?: Conflict[];
}

const GONE_FOR_A_WHILE = new Set([408, 429, 502, 503, 504]);
const PATIENCE_MS = 30_000;

async function problemOf(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return {};
  }
}

function detailOf(problem: Problem, status: number): string {
  if (typeof problem.detail === "string" && problem.detail) return problem.detail;
  return problem.title ?? `the server answered ${status}`;
}

/** POST JSON below the API's root and sort the answer. Never throws. */
export async function post(path: string, body: unknown): Promise<Reply> {
  let response: Response;
  try {
    response = await fetch(ROOT + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.ok) return { kind: "applied", answer: (await response.json()) as Answer };
  } catch {
    return { kind: "unreachable" };
  }
  if (GONE_FOR_A_WHILE.has(response.status)) return { kind: "unreachable" };
  const problem = await problemOf(response);
  const detail = detailOf(problem, response.status);
  if (response.status === 404) return { kind: "missing", detail };
  if (response.status === 412) return { kind: "conflict", conflicts: problem.conflicts ?? [], detail };
  if (response.status >= 500) return { kind: "failed", detail };
  return { kind: "refused", detail };
}

export function sendOperation(layer: string, body: OperationBody): Promise<Reply> {
  return post(`/inventories/${encodeURIComponent(layer)}/operations`, body);
}
