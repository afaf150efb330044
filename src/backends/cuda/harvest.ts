/** The elements that an array sink gives, as they come from the device: in one array if their number is known, else in pieces. */
import type { ElementType } from "../../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../../fusion/values.js";

export class Harvest {
  private readonly pieces: AnyTypedArray[] = [];
  private elements = 0;

  constructor(
    private readonly element: ElementType,
    /** Has room for all; null for arrays of its own. */
    private readonly into: AnyTypedArray | null,
  ) {}

  /** How many there is room for so far. */
  get length(): number {
    return this.elements;
  }

  /** Room for so many more. */
  next(count: number): AnyTypedArray {
    const from = this.elements;
    this.elements += count;
    if (this.into !== null) return this.into.subarray(from, this.elements);
    const piece = newArray(this.element, count);
    this.pieces.push(piece);
    return piece;
  }

  all(): AnyTypedArray {
    const { into, pieces, length } = this;
    if (into !== null) return into.length === length ? into : into.subarray(0, length);
    if (pieces.length === 1) return pieces[0] as AnyTypedArray;
    const joined = newArray(this.element, length);
    let from = 0;
    for (const piece of pieces.splice(0)) {
      (joined as Float64Array).set(piece as Float64Array, from);
      from += piece.length;
    }
    return joined;
  }
}
