/** Objects that are known as long as somebody else has them. */
export class Remembered<T extends object> {
  private references = new Set<WeakRef<T>>();
  /** How many there may be before those that are gone are left out. */
  private most = 64;

  add(object: T): void {
    this.references.add(new WeakRef(object));
    if (this.references.size <= this.most) return;
    for (const reference of this.references) if (reference.deref() === undefined) this.references.delete(reference);
    this.most = Math.max(64, 2 * this.references.size);
  }

  /** Those that are left, which are forgotten. */
  take(): readonly T[] {
    const left = [...this.references].flatMap(reference => reference.deref() ?? []);
    this.references = new Set();
    return left;
  }
}
