/** Joins by key: a hash join, in the order of the left rows, and among the matches of one in the order of the right ones. */
import { QueryError } from "../../fusion/errors.js";
import type { ElementType } from "../../fusion/types.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { byCode, codesOf } from "./codes.js";
import { appended, NONE } from "./table.js";

type Keys = readonly AnyTypedArray[];

/** The pairs of places, left and right, whose keys are the same. `outer`: left ones that match none are paired with `NONE`. */
export function matches(left: Keys, leftLength: number, right: Keys, rightLength: number, outer: boolean): { readonly left: Uint32Array; readonly right: Uint32Array } {
  const { codes, counts, places, offsets } = coded(left, leftLength, right, rightLength);
  let total = 0;
  const least = outer ? 1 : 0;
  for (let at = 0; at < leftLength; at += 1) total += Math.max(least, counts(codes[at] as number));
  const pairs = { left: new Uint32Array(total), right: new Uint32Array(total) };
  let next = 0;
  for (let at = 0; at < leftLength; at += 1) {
    const code = codes[at] as number;
    const from = offsets[code] as number;
    if (outer && counts(code) === 0) {
      pairs.left[next] = at;
      pairs.right[next] = NONE;
      next += 1;
    }
    for (let match = 0; match < counts(code); match += 1) {
      pairs.left[next] = at;
      pairs.right[next] = places[from + match] as number;
      next += 1;
    }
  }
  return pairs;
}

/** The places on the left that have a match on the right; or that have none. */
export function matching(left: Keys, leftLength: number, right: Keys, rightLength: number, keep: boolean): Uint32Array {
  const { codes, counts } = coded(left, leftLength, right, rightLength);
  const places = new Uint32Array(leftLength);
  let count = 0;
  for (let at = 0; at < leftLength; at += 1) if (counts(codes[at] as number) > 0 === keep) places[count++] = at;
  return places.subarray(0, count);
}

/** The places on the left, each key's first, whose key is on the right, too; or is not. */
export function distinctMatching(left: Keys, leftLength: number, right: Keys, rightLength: number, keep: boolean): Uint32Array {
  const { firsts, counts } = coded(left, leftLength, right, rightLength);
  // Codes are given from left to right: the left ones come first.
  return firsts.filter((place, code) => place < leftLength && counts(code) > 0 === keep);
}

/** Keys of both sides as numbers, and where the right ones are. */
function coded(left: Keys, leftLength: number, right: Keys, rightLength: number) {
  const columns = left.map((array, at) => appended(elementTypeOf(array) as ElementType, array, leftLength, right[at] as AnyTypedArray, rightLength));
  const { codes, firsts } = codesOf(columns, leftLength + rightLength);
  const { places, offsets } = byCode(codes.subarray(leftLength), firsts.length);
  return { codes, firsts, places, offsets, counts: (code: number) => (offsets[code + 1] as number) - (offsets[code] as number) };
}

const isBig = (array: AnyTypedArray): boolean => elementTypeOf(array) === "i64" || elementTypeOf(array) === "u64";

/** The keys of both sides, in arrays of the same types, which hold the values of both exactly. */
export function comparable(left: Keys, right: Keys): { readonly left: Keys; readonly right: Keys } {
  if (left.length !== right.length) throw new QueryError("DC305", `the keys of a join have ${left.length} values on the left and ${right.length} on the right`, "Give both keys the same fields.");
  const pairs = left.map((array, at) => sameType(array, right[at] as AnyTypedArray));
  return { left: pairs.flatMap(pair => pair.left), right: pairs.flatMap(pair => pair.right) };
}

function sameType(left: AnyTypedArray, right: AnyTypedArray): { readonly left: Keys; readonly right: Keys } {
  if (isBig(left) !== isBig(right)) throw new QueryError("DC305", "one key of a join is a number, the other a BigInt, and so they are never the same", "Convert one of them: Number(r.id), or BigInt(r.id).");
  if (elementTypeOf(left) === elementTypeOf(right)) return { left: [left], right: [right] };
  if (!isBig(left)) return { left: [new Float64Array(left as Float64Array)], right: [new Float64Array(right as Float64Array)] };
  // Signed and unsigned BigInts: the same bits are the same value unless one is negative.
  return { left: bitsAndSigns(left as BigInt64Array), right: bitsAndSigns(right as BigInt64Array) };
}

function bitsAndSigns(array: BigInt64Array | BigUint64Array): Keys {
  const signs = new Uint8Array(array.length);
  for (let at = 0; at < array.length; at += 1) signs[at] = Number((array[at] as bigint) < 0n);
  return [new BigUint64Array(array.buffer, array.byteOffset, array.length), signs];
}
