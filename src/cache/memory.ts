/** A bounded map that forgets what was used longest ago. */
export interface MemoryCache<Value> {
  /** What was put under this key, now the most recently used. */
  get(key: string): Value | undefined;
  put(key: string, value: Value): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
}

/** `limit` is the number of entries kept. */
export function createMemoryCache<Value>(limit: number): MemoryCache<Value> {
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`A cache keeps at least one entry, not ${limit}`);
  // A Map iterates in the order of insertion, so its first key is the one used longest ago.
  const entries = new Map<string, Value>();
  return {
    get(key) {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    put(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size > limit) entries.delete(entries.keys().next().value as string);
    },
    delete: key => void entries.delete(key),
    clear: () => entries.clear(),
    get size() {
      return entries.size;
    },
  };
}
