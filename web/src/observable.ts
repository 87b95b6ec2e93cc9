/** A value that tells when it changes. */

export class Observable<T> {
  private readonly listeners = new Set<(value: T) => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set value(value: T) {
    if (value === this.current) return;
    this.current = value;
    for (const listener of this.listeners) listener(value);
  }

  /** Listen to changes; the function that comes back ends it. */
  onChange(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Listen to the value: now, and whenever it changes. */
  follow(listener: (value: T) => void): () => void {
    listener(this.current);
    return this.onChange(listener);
  }
}
