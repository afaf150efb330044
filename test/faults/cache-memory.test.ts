import { expect, it, vi } from "vitest";
import { createMemoryCache } from "../../src/cache/memory.js";

it("forgets what was used longest ago", () => {
  const cache = createMemoryCache<number>({ mostEntries: 3 });
  cache.put("a", 1);
  cache.put("b", 2);
  cache.put("c", 3);
  expect(cache.get("a")).toBe(1);
  cache.put("d", 4);
  expect(["a", "b", "c", "d"].map(key => cache.get(key))).toEqual([1, undefined, 3, 4]);
  cache.put("a", 5); // in place: nothing is forgotten for it
  expect(cache.size).toBe(3);
  expect(cache.get("a")).toBe(5);
  cache.delete("a");
  cache.delete("nobody");
  expect(cache.size).toBe(2);
  cache.clear();
  expect(cache.size).toBe(0);
  expect(() => createMemoryCache({ mostEntries: 0 })).toThrow(RangeError);
});

it("keeps no more bytes than it may, but what was just put there", () => {
  const cache = createMemoryCache<string>({ mostBytes: 100 });
  cache.put("a", "a", 40);
  cache.put("b", "b", 40);
  cache.put("c", "c", 20);
  expect(cache.statistics).toEqual({ hits: 0, misses: 3, entries: 3, bytes: 100, evictions: 0 });
  cache.get("a");
  cache.put("d", "d", 30); // b was used longest ago
  expect(["a", "b", "c", "d"].map(key => cache.get(key))).toEqual(["a", undefined, "c", "d"]);
  cache.put("d", "e", 10);
  expect(cache.statistics).toMatchObject({ bytes: 70, entries: 3, evictions: 1, hits: 4 });
  cache.put("huge", "huge", 1000);
  expect(cache.statistics).toMatchObject({ bytes: 1000, entries: 1, evictions: 4 });
  cache.delete("huge");
  expect(cache.statistics.bytes).toBe(0);
  cache.put("x", "x", 5);
  cache.clear();
  expect(cache.statistics).toMatchObject({ bytes: 0, entries: 0 });
});

it("forgets what nobody has used for long", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const cache = createMemoryCache<number>({ mostMinutes: 10 });
    cache.put("a", 1, 1);
    cache.put("b", 2, 1);
    vi.advanceTimersByTime(9 * 60_000);
    expect(cache.get("b")).toBe(2);
    vi.advanceTimersByTime(2 * 60_000);
    expect(cache.get("a")).toBeUndefined();
    expect(cache.get("b")).toBe(2);
    vi.advanceTimersByTime(11 * 60_000);
    cache.put("c", 3, 1); // drops what is old, whoever asks
    expect(cache.statistics).toEqual({ hits: 2, misses: 3, entries: 1, bytes: 1, evictions: 2 });
  } finally {
    vi.useRealTimers();
  }
});
