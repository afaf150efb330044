import { expect, it } from "vitest";
import { createMemoryCache } from "../../src/cache/memory.js";

it("forgets what was used longest ago", () => {
  const cache = createMemoryCache<number>(3);
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
  expect(() => createMemoryCache(0)).toThrow(RangeError);
});
