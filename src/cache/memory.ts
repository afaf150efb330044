/** A bounded map that forgets what was used longest ago. */
export interface MemoryCache<Value> {
  /** What was put under this key, now the most recently used. */
  get(key: string): Value | undefined;
  /** `bytes`: how much it takes, about. */
  put(key: string, value: Value, bytes?: number): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
  readonly statistics: MemoryStatistics;
}

export interface MemoryLimits {
  /** How many entries are kept. */
  readonly mostEntries: number;
  readonly mostBytes: number;
  /** How long an entry is kept that nobody uses. */
  readonly mostMinutes: number;
}

export interface MemoryStatistics {
  readonly hits: number;
  /** How often something had to be put here. */
  readonly misses: number;
  readonly entries: number;
  readonly bytes: number;
  /** What was dropped to keep the limits. */
  readonly evictions: number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
  used: number;
}

export const USUAL_MEMORY: MemoryLimits = { mostEntries: 512, mostBytes: 256 * 2 ** 20, mostMinutes: Infinity };

const MINUTE = 60_000;

export function createMemoryCache<Value>(limits: Partial<MemoryLimits> = {}): MemoryCache<Value> {
  const { mostEntries, mostBytes, mostMinutes } = { ...USUAL_MEMORY, ...limits };
  if (!Number.isInteger(mostEntries) || mostEntries < 1) throw new RangeError(`A cache keeps at least one entry, not ${mostEntries}`);
  // A Map iterates in the order of insertion, so its first key is the one used longest ago.
  const entries = new Map<string, Entry<Value>>();
  /** Looked at only where entries grow old. */
  const clock = mostMinutes === Infinity ? () => 0 : () => performance.now();
  let bytes = 0;
  let [hits, misses, evictions] = [0, 0, 0];

  const remove = (key: string): void => {
    bytes -= entries.get(key)?.bytes ?? 0;
    entries.delete(key);
  };
  const evict = (key: string): void => {
    remove(key);
    evictions += 1;
  };
  const isOld = ({ used }: Entry<Value>, now: number): boolean => now - used > mostMinutes * MINUTE;

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const now = clock();
      if (isOld(entry, now)) return void evict(key);
      entries.delete(key);
      entries.set(key, entry);
      entry.used = now;
      hits += 1;
      return entry.value;
    },
    put(key, value, size = 0) {
      const now = clock();
      remove(key);
      entries.set(key, { value, bytes: size, used: now });
      bytes += size;
      misses += 1;
      for (const [oldest, entry] of entries) {
        if (oldest === key || (entries.size <= mostEntries && bytes <= mostBytes && !isOld(entry, now))) break;
        evict(oldest);
      }
    },
    delete: remove,
    clear() {
      entries.clear();
      bytes = 0;
    },
    get size() {
      return entries.size;
    },
    get statistics() {
      return { hits, misses, entries: entries.size, bytes, evictions };
    },
  };
}
