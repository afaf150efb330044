/**
 * Where compiled kernels are kept, nearest first: loaded in this process, on this machine's disk, and, if the program brings one along, in
 * a store that machines share. What is found further away is kept nearer from then on.
 */
import { readFileSync } from "node:fs";
import { fileSystem } from "../builtin.js";
import { createDiskCache, type DiskCache, type DiskCacheOptions, type DiskStatistics, type Make } from "./disk.js";
import { contentName, entryOf, type Ingredients } from "./entry.js";
import type { EvictionLimits } from "./evict.js";
import { createMemoryCache, type MemoryCache, type MemoryLimits, type MemoryStatistics } from "./memory.js";
import { createSharedLevel, type Answer, type SharedOptions, type SharedStatistics } from "./shared.js";

/** A compiler's identity. */
export interface Maker {
  /** On this machine: as long as its file is the same. */
  readonly here: string;
  /** On any. */
  readonly anywhere: string;
}

/** What is told of a runtime's kernel cache. */
export interface CacheStatistics {
  /** Kernels that are loaded. Queries keep those that they have run beside these, and do not ask for them again. */
  readonly memory: MemoryStatistics;
  readonly disk: DiskStatistics;
  /** Null without a shared store. */
  readonly shared: SharedStatistics | null;
}

/** The limits of each level. */
export interface CacheOptions {
  /** Of loaded kernels, for each backend: by default 512, of 256 MiB together, however old. */
  readonly memory?: Partial<MemoryLimits> | undefined;
  /** By default 256 MiB, and a month without use. */
  readonly disk?: Partial<EvictionLimits> | undefined;
  /** A store that machines share. It is asked for what is compiled in the background or awaited; a run that must give its result now never waits for it. */
  readonly shared?: SharedOptions | undefined;
}

export interface KernelCache extends Pick<DiskCache, "abandon" | "recall" | "remember" | "folder" | "reason"> {
  /** Loaded kernels of one backend. */
  memory<Value>(mostEntries: number | undefined): MemoryCache<Value>;
  /** The object made of these by this compiler, or, if there is none, by any; from this machine's disk. Never throws. */
  find(ingredients: Ingredients, maker: Maker | null): string | null;
  /** The same, from the shared store to this machine's disk. Never rejects. */
  fetch(ingredients: Ingredients, maker: Maker | null): Answer<string | null>;
  /** See `DiskCache.store`. */
  store(ingredients: Ingredients, maker: Maker, make: Make<Promise<void>>): Promise<string>;
  storeSync(ingredients: Ingredients, maker: Maker, make: Make<void>): string;
  /** Throws away an entry that turned out to be unusable, given its object. True if it came from the shared store, which is not asked for it again. */
  discard(object: string): boolean;
  /** Resolves when the shared store has taken what it was given. */
  settled(): Promise<void>;
  statistics(): CacheStatistics;
}

const NOTHING: Answer<null> = { done: Promise.resolve(null), hold: () => undefined };
/** The compiler of an entry that was found where there is none. */
const UNKNOWN = "shared";

export function createKernelCache(options: CacheOptions & { readonly place?: Pick<DiskCacheOptions, "folder" | "fallback"> } = {}, say: (reason: string) => void = () => undefined): KernelCache {
  const disk = createDiskCache({ ...options.disk, ...options.place });
  const shared = options.shared === undefined ? null : createSharedLevel(options.shared, say);
  const loaded: MemoryCache<unknown>[] = [];
  /** What came from the shared store, by entry. */
  const fetched = new Map<string, string>();

  const nameOf = (ingredients: Ingredients, maker: string | null): string => JSON.stringify([contentName(ingredients), ingredients.system?.() ?? null, maker]);

  /** For machines without a compiler a second text says who has made the kernel. */
  const give = (ingredients: Ingredients, { anywhere }: Maker, object: string): string => {
    if (shared === null || ingredients.local === true) return object;
    const facts = { backend: ingredients.label?.backend ?? "", target: ingredients.target, maker: anywhere };
    try {
      shared.put(nameOf(ingredients, anywhere), facts, readFileSync(object));
      shared.put(nameOf(ingredients, null), facts, Buffer.from(anywhere));
    } catch {
      // Another process has removed it meanwhile.
    }
    return object;
  };

  const fetch = (level: NonNullable<typeof shared>, ingredients: Ingredients, maker: Maker | null): Answer<string | null> => {
    const asked: { hold(): void }[] = [];
    let held = false;
    const get = (name: string): Promise<Uint8Array | null> => {
      const answer = level.get(name);
      asked.push(answer);
      if (held) answer.hold();
      return answer.done;
    };
    const work = async (): Promise<string | null> => {
      const told = maker === null ? await get(nameOf(ingredients, null)) : null;
      const anywhere = maker?.anywhere ?? (told === null ? null : new TextDecoder().decode(told));
      if (anywhere === null) return null;
      const name = nameOf(ingredients, anywhere);
      const content = await get(name);
      if (content === null) return null;
      try {
        const object = await disk.store(ingredients, maker?.here ?? UNKNOWN, object => fileSystem().writeFile(object, content));
        fetched.set(entryOf(object), name);
        return object;
      } catch {
        return null; // whoever compiles will hear of it
      }
    };
    return {
      done: work(),
      hold() {
        held = true;
        for (const answer of asked) answer.hold();
      },
    };
  };

  return {
    memory<Value>(mostEntries: number | undefined) {
      const cache = createMemoryCache<Value>({ ...options.memory, ...(mostEntries === undefined ? {} : { mostEntries }) });
      loaded.push(cache as MemoryCache<unknown>);
      return cache;
    },
    find: (ingredients, maker) => disk.find(ingredients, maker?.here ?? null),
    fetch: (ingredients, maker) => (shared === null || ingredients.local === true ? NOTHING : fetch(shared, ingredients, maker)),
    store: async (ingredients, maker, make) => give(ingredients, maker, await disk.store(ingredients, maker.here, make)),
    storeSync: (ingredients, maker, make) => give(ingredients, maker, disk.storeSync(ingredients, maker.here, make)),
    discard(object) {
      disk.discard(object);
      const name = fetched.get(entryOf(object));
      if (name === undefined) return false;
      shared?.refuse(name, "it cannot be loaded on this machine");
      return true;
    },
    abandon: fault => disk.abandon(fault),
    recall: name => disk.recall(name),
    remember: (name, text) => disk.remember(name, text),
    get folder() {
      return disk.folder;
    },
    get reason() {
      return disk.reason;
    },
    settled: async () => shared?.settled(),
    statistics: () => ({ memory: total(loaded), disk: disk.statistics(), shared: shared?.statistics ?? null }),
  };
}

function total(caches: readonly MemoryCache<unknown>[]): MemoryStatistics {
  const sum = { hits: 0, misses: 0, entries: 0, bytes: 0, evictions: 0 };
  for (const { statistics } of caches) for (const name of Object.keys(sum) as (keyof MemoryStatistics)[]) sum[name] += statistics[name];
  return sum;
}
