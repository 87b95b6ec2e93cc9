/**
 * Every operation goes through here: written down in the browser first, then sent in order, one at a time.
 *
 * While the server cannot be reached the operations stay and are tried again (at once when the browser says it is
 * online, otherwise with growing pauses). The key of an operation makes a second sending harmless.
 *
 * Browsers keep things by address, and another folder may be served at this one: operations on an inventory that is
 * not here stay for the day on which it is, and do not hold up the others.
 */

import type { Answer, Conflict, OperationBody } from "./operations";
import type { OutboxEntry, OutboxStore } from "./outbox_store";
import type { Reply } from "./transport";

export type OutboxState = "idle" | "sending" | "offline" | "conflict" | "failed";

export interface OutboxListener {
  /** The entries or the state are different now. */
  changed(): void;
  applied(entry: OutboxEntry, answer: Answer): void;
  refused(entry: OutboxEntry, detail: string): void;
  conflict(entry: OutboxEntry, conflicts: Conflict[], detail: string): void;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const LOCK = "firnline-outbox";

/** Only one tab sends at a time; browsers without locks have nothing to fear but a harmless second sending. */
function alone<T>(work: () => Promise<T>): Promise<T> {
  return "locks" in navigator ? (navigator.locks.request(LOCK, work) as Promise<T>) : work();
}

export class Outbox {
  private entries: OutboxEntry[] = [];
  /** Inventories that the server does not have. */
  private readonly absent = new Set<string>();
  private pause = FIRST_PAUSE_MS;
  private timer: number | undefined;
  private running: Promise<void> | null = null;
  state: OutboxState = "idle";
  /** What the server said when it broke. */
  trouble = "";

  constructor(
    private readonly store: OutboxStore,
    private readonly send: (layer: string, body: OperationBody) => Promise<Reply>,
    private readonly listener: OutboxListener,
  ) {
    window.addEventListener("online", () => this.retry());
    window.addEventListener("offline", () => this.become(this.next() ? "offline" : this.state));
  }

  /** Take up what an earlier page left behind and send it. */
  async open(): Promise<void> {
    this.entries = await this.store.all();
    this.listener.changed();
    this.retry();
  }

  /** What is to be sent, of one inventory or of all that are here. */
  waiting(layer?: string): readonly OutboxEntry[] {
    return this.entries.filter((entry) => (layer === undefined ? !this.absent.has(entry.layer) : entry.layer === layer));
  }

  /** What is kept for inventories that are not here. */
  aside(): readonly OutboxEntry[] {
    return this.entries.filter((entry) => this.absent.has(entry.layer));
  }

  private next(): OutboxEntry | undefined {
    return this.waiting()[0];
  }

  /** Keep an operation; it is sent when its turn comes. Resolves when it is kept. */
  async put(entry: Omit<OutboxEntry, "number">): Promise<void> {
    this.entries.push(await this.store.add(entry));
    this.listener.changed();
    void this.flush();
  }

  /** Try again now: the connection is back or the person asks for it. */
  retry(): void {
    if (this.state === "conflict") return;
    this.pause = FIRST_PAUSE_MS;
    this.absent.clear();
    void this.flush();
  }

  /** Send what waits. Resolves when the outbox is empty or cannot go on. */
  flush(): Promise<void> {
    window.clearTimeout(this.timer);
    this.running ??= alone(() => this.drain()).finally(() => {
      this.running = null;
      // Something put while the lock was being let go would otherwise wait for the next edit.
      if (this.next() && (this.state === "idle" || this.state === "sending")) void this.flush();
    });
    return this.running;
  }

  private async drain(): Promise<void> {
    for (let entry = this.next(); entry && this.state !== "conflict"; entry = this.next()) {
      if (!(await this.still(entry))) continue;
      if (this.state !== "offline") this.become("sending");
      const reply = await this.send(entry.layer, entry.body);
      if (!(await this.settle(entry, reply))) return;
    }
    if (!this.next()) this.become("idle");
  }

  /** Another tab may have sent or dropped it meanwhile. */
  private async still(entry: OutboxEntry): Promise<boolean> {
    const kept = await this.store.all();
    if (kept.some((other) => other.number === entry.number)) return true;
    this.entries = this.entries.filter((other) => other.number !== entry.number);
    this.listener.changed();
    return false;
  }

  /** Act on the reply; false when sending has to stop here. */
  private async settle(entry: OutboxEntry, reply: Reply): Promise<boolean> {
    switch (reply.kind) {
      case "applied":
        await this.drop(entry);
        await this.follow(entry.layer, reply.answer);
        this.pause = FIRST_PAUSE_MS;
        this.state = "sending";
        this.listener.applied(entry, reply.answer);
        return true;
      case "refused":
        await this.drop(entry);
        this.state = "sending";
        this.listener.refused(entry, reply.detail);
        return true;
      case "missing":
        this.absent.add(entry.layer);
        this.state = "sending";
        this.listener.changed();
        return true;
      case "conflict":
        this.become("conflict");
        this.listener.conflict(entry, reply.conflicts, reply.detail);
        return false;
      case "failed":
        this.trouble = reply.detail;
        this.become("failed");
        this.later();
        return false;
      case "unreachable":
        this.become("offline");
        this.later();
        return false;
    }
  }

  /** Try again after a pause that grows. */
  private later(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.flush(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  /**
   * Operations made before this answer came expect the versions of before: they were made on top of it, so they
   * go on from its versions. A version that rose by more than one was changed by somebody else: left to conflict.
   */
  private async follow(layer: string, answer: Answer): Promise<void> {
    const versions = new Map(answer.features.map((outline) => [outline.id, outline.properties.version]));
    for (const entry of this.waiting(layer)) {
      let touched = false;
      for (const [id, expected] of Object.entries(entry.body.expected)) {
        if (versions.get(id) !== expected + 1) continue;
        entry.body.expected[id] = expected + 1;
        touched = true;
      }
      if (touched) await this.store.update(entry);
    }
  }

  /** The person chose to send it on top of what others made: with the versions given. */
  async again(entry: OutboxEntry, features: string[], expected: Record<string, number>): Promise<void> {
    entry.body = { ...entry.body, features, expected };
    await this.store.update(entry);
    this.state = "sending";
    this.listener.changed();
    void this.flush();
  }

  /** The person chose not to send it. */
  async discard(entry: OutboxEntry): Promise<void> {
    await this.drop(entry);
    this.state = "sending";
    this.listener.changed();
    void this.flush();
  }

  /** Take back the last operation of a layer that was not sent yet; null when there is none to take. */
  async takeBack(layer: string): Promise<OutboxEntry | null> {
    const last = this.waiting(layer).at(-1);
    if (!last || this.state === "sending" || this.state === "conflict") return null;
    await this.drop(last);
    if (!this.next()) this.become("idle");
    return last;
  }

  private async drop(entry: OutboxEntry): Promise<void> {
    await this.store.remove(entry.number);
    this.entries = this.entries.filter((other) => other.number !== entry.number);
  }

  private become(state: OutboxState): void {
    this.state = state;
    this.listener.changed();
  }
}
