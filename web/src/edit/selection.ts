/** Which outlines are chosen. */

export class Selection {
  private chosen = new Set<string>();

  constructor(private readonly listener: (ids: string[]) => void) {}

  get ids(): string[] {
    return [...this.chosen];
  }

  get size(): number {
    return this.chosen.size;
  }

  has(id: string): boolean {
    return this.chosen.has(id);
  }

  set(ids: Iterable<string>): void {
    const next = new Set(ids);
    if (next.size === this.chosen.size && [...next].every((id) => this.chosen.has(id))) return;
    this.chosen = next;
    this.listener(this.ids);
  }

  add(ids: Iterable<string>): void {
    this.set([...this.chosen, ...ids]);
  }

  drop(ids: Iterable<string>): void {
    const gone = new Set(ids);
    this.set(this.ids.filter((id) => !gone.has(id)));
  }

  toggle(id: string): void {
    if (this.chosen.has(id)) this.drop([id]);
    else this.add([id]);
  }

  clear(): void {
    this.set([]);
  }
}
