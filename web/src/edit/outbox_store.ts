/** Where operations wait until the server has them: IndexedDB, so that a reload or a closed lid loses nothing. */

import type { OperationBody, Outline } from "./operations";

export interface OutboxEntry {
  /** Order of sending; given by the store. */
  number: number;
  /** The inventory's id. */
  layer: string;
  body: OperationBody;
  /** The outlines as they were when the person edited them: what "mine" is drawn from in a conflict. */
  before: Outline[];
  /** ISO time of the edit. */
  at: string;
}

export interface OutboxStore {
  add(entry: Omit<OutboxEntry, "number">): Promise<OutboxEntry>;
  all(): Promise<OutboxEntry[]>;
  update(entry: OutboxEntry): Promise<void>;
  remove(number: number): Promise<void>;
}

const DATABASE = "firnline-outbox";
const TABLE = "operations";

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

class DatabaseStore implements OutboxStore {
  constructor(private readonly database: IDBDatabase) {}

  /** Resolves when the transaction is on disk, not when the request was taken. */
  private run<T>(mode: IDBTransactionMode, ask: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const transaction = this.database.transaction(TABLE, mode);
    const answer = settled(ask(transaction.objectStore(TABLE)));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(answer);
      transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB aborted"));
      answer.catch(reject);
    });
  }

  async add(entry: Omit<OutboxEntry, "number">): Promise<OutboxEntry> {
    const number = await this.run("readwrite", (table) => table.add(entry));
    return { ...entry, number: Number(number) };
  }

  all(): Promise<OutboxEntry[]> {
    return this.run("readonly", (table) => table.getAll() as IDBRequest<OutboxEntry[]>);
  }

  async update(entry: OutboxEntry): Promise<void> {
    await this.run("readwrite", (table) => table.put(entry));
  }

  async remove(number: number): Promise<void> {
    await this.run("readwrite", (table) => table.delete(number));
  }
}

/** For browsers that refuse IndexedDB (some private windows): kept until the page closes. */
export class MemoryStore implements OutboxStore {
  private entries: OutboxEntry[] = [];
  private last = 0;

  add(entry: Omit<OutboxEntry, "number">): Promise<OutboxEntry> {
    const kept = { ...entry, number: ++this.last };
    this.entries.push(kept);
    return Promise.resolve(kept);
  }

  all(): Promise<OutboxEntry[]> {
    return Promise.resolve([...this.entries]);
  }

  update(entry: OutboxEntry): Promise<void> {
    this.entries = this.entries.map((old) => (old.number === entry.number ? entry : old));
    return Promise.resolve();
  }

  remove(number: number): Promise<void> {
    this.entries = this.entries.filter((old) => old.number !== number);
    return Promise.resolve();
  }
}

/** Open the browser's store; `durable` is false where only memory could be had. */
export async function openStore(): Promise<{ store: OutboxStore; durable: boolean }> {
  try {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(TABLE, { keyPath: "number", autoIncrement: true });
    };
    return { store: new DatabaseStore(await settled(request)), durable: true };
  } catch {
    return { store: new MemoryStore(), durable: false };
  }
}
