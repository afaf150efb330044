/** Which rows are the same: equal rows get equal numbers, 0, 1, 2 … in the order in which they first occur. */
/** Typed arrays, or plain ones. */
export type Values = ArrayLike<number | bigint>;

export interface Codes {
  /** Of each row. */
  readonly codes: Uint32Array;
  /** The first row of each code. */
  readonly firsts: Uint32Array;
}

/** Rows are the same whose values are in every column, as `Map` tells values apart: NaN is itself, and -0 is 0. */
export function codesOf(columns: readonly Values[], length: number): Codes {
  let known: Codes | null = null;
  for (const column of columns) known = refined(column, length, known);
  return known ?? { codes: new Uint32Array(length), firsts: Uint32Array.from({ length: Math.min(length, 1) }) };
}

/** Tells rows apart that a further column tells apart. */
function refined(column: Values, length: number, before: Codes | null): Codes {
  const own = codesOfValues(column, length);
  if (before === null) return own;
  const count = own.firsts.length;
  const pairs = new Float64Array(length);
  // Two numbers of fewer than 2^32 rows make one that a double holds, unless both are huge; then there is no such memory either.
  for (let at = 0; at < length; at += 1) pairs[at] = (before.codes[at] as number) * count + (own.codes[at] as number);
  return codesOfValues(pairs, length);
}

function codesOfValues(column: Values, length: number): Codes {
  const known = new Map<number | bigint, number>();
  const codes = new Uint32Array(length);
  const firsts: number[] = [];
  for (let at = 0; at < length; at += 1) {
    const value = column[at] as number | bigint;
    let code = known.get(value);
    if (code === undefined) {
      known.set(value, (code = firsts.length));
      firsts.push(at);
    }
    codes[at] = code;
  }
  return { codes, firsts: Uint32Array.from(firsts) };
}

/** Rows by code: the rows of code c are `places[offsets[c]]` to before `places[offsets[c + 1]]`, in their order. */
export function byCode({ codes, firsts }: Codes): { readonly places: Uint32Array; readonly offsets: Uint32Array } {
  const offsets = new Uint32Array(firsts.length + 1);
  for (const code of codes) (offsets[code + 1] as number)++;
  for (let code = 0; code < firsts.length; code += 1) (offsets[code + 1] as number) += offsets[code] as number;
  const next = offsets.slice();
  const places = new Uint32Array(codes.length);
  codes.forEach((code, place) => (places[(next[code] as number)++] = place));
  return { places, offsets };
}
