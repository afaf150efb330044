/** Strings by number: a column of strings holds their codes, and kernels see nothing else of them. */
import { CompilerBug } from "../../fusion/errors.js";

/** What may be computed of strings. */
export type Computed = Uint8Array | Int32Array | Float64Array;

/** Arrays as long as there are strings. */
const MOST_KEPT = 16;

/** Of all dictionaries without strings. */
const NO_TEXTS: string[] = [];

/**
 * Different strings, each with its code: 0, 1, 2 … A dictionary may stand on another, whose codes are its own too, and which grows
 * no more from then on: so a run adds what it names itself to the strings of its source, and changes neither them nor their codes.
 */
export class Dictionary {
  private readonly start: number;
  private added: string[] = NO_TEXTS;
  /** Made when there is a first string: most runs have none. */
  private codes: Map<string, number> | null = null;
  private sealed = false;
  private whole: readonly string[] | null = null;
  private sorted: Uint32Array | null = null;
  /** What was computed of all strings, once they are all there are. */
  private kept: Map<string, Computed> | null = null;

  constructor(private readonly base: Dictionary | null = null) {
    this.start = base?.size ?? 0;
    if (base !== null) base.sealed = true;
  }

  get size(): number {
    return this.start + this.added.length;
  }

  /** The code of a string, a new one where it has none yet. */
  codeOf(text: string): number {
    const known = this.find(text);
    if (known !== undefined) return known;
    if (this.sealed) throw new CompilerBug("a dictionary grows below another that stands on it");
    const code = this.size;
    (this.codes ??= new Map()).set(text, code);
    if (this.added === NO_TEXTS) this.added = [];
    this.added.push(text);
    this.whole = this.sorted = null;
    return code;
  }

  /** The code of a string; undefined for one that is not there. */
  find(text: string): number | undefined {
    return this.codes?.get(text) ?? this.base?.find(text);
  }

  /** All strings, by code. */
  get strings(): readonly string[] {
    if (this.base !== null && this.added.length === 0) return this.base.strings;
    this.whole ??= this.base === null ? this.added : [...this.base.strings, ...this.added];
    return this.whole;
  }

  at(code: number): string {
    const text = code < this.start ? this.base?.at(code) : this.added[code - this.start];
    if (text === undefined) throw new CompilerBug(`no string has the code ${code}`);
    return text;
  }

  private standsOn(other: Dictionary): boolean {
    return other === this || this.base?.standsOn(other) === true;
  }

  /** What the codes of another dictionary are here; null where they are the same, since this one is it, or stands on it. */
  codesOf(other: Dictionary): Uint32Array | null {
    if (this.standsOn(other)) return null;
    return Uint32Array.from(other.strings, text => this.codeOf(text));
  }

  /** For each code that of the string that is made of its string. Such as are not there yet are added. */
  codesFor(make: (text: string) => string): Uint32Array {
    // A copy: the list grows meanwhile.
    return Uint32Array.from([...this.strings], text => this.codeOf(make(text)));
  }

  /** For each code what is computed of its string. `key`: what that is; where nothing is added any more it is kept by it. */
  computed(key: string, room: (size: number) => Computed, of: (text: string) => number): Computed {
    if (this.base !== null && this.added.length === 0) return this.base.computed(key, room, of);
    const known = this.kept?.get(key);
    if (known !== undefined) return known;
    const values = room(this.size);
    if (this.base !== null) values.set(this.base.computed(key, room, of));
    for (let at = 0; at < this.added.length; at += 1) values[this.start + at] = of(this.added[at] as string);
    if (this.sealed) this.keep(key, values);
    return values;
  }

  private keep(key: string, values: Computed): void {
    this.kept ??= new Map();
    const [oldest] = this.kept.keys();
    if (this.kept.size === MOST_KEPT && oldest !== undefined) this.kept.delete(oldest);
    this.kept.set(key, values);
  }

  /** For each code the place of its string in their order, which is that of `<`: by UTF-16 code units. */
  ranks(): Uint32Array {
    const ranks = new Uint32Array(this.size);
    this.order().forEach((code, rank) => {
      ranks[code] = rank;
    });
    return ranks;
  }

  /** The string at a place in their order. */
  ofRank(rank: number): string {
    return this.at(this.order()[rank] ?? -1);
  }

  /** The codes in the order of their strings. What is added is merged with the order below, which is kept. */
  private order(): Uint32Array {
    if (this.base !== null && this.added.length === 0) return this.base.order();
    this.sorted ??= this.newOrder();
    return this.sorted;
  }

  private newOrder(): Uint32Array {
    const { strings, start } = this;
    const own = Uint32Array.from(this.added, (_, at) => start + at).sort((one, other) => ((strings[one] as string) < (strings[other] as string) ? -1 : 1));
    if (this.base === null) return own;
    const below = this.base.order();
    const order = new Uint32Array(this.size);
    for (let [at, left, right] = [0, 0, 0]; at < order.length; at += 1) {
      const takeOwn = left === below.length || (right < own.length && (strings[own[right] as number] as string) < (strings[below[left] as number] as string));
      order[at] = (takeOwn ? own[right++] : below[left++]) as number;
    }
    return order;
  }
}

/** The codes of a column, as another dictionary has them. */
export function translated(codes: Uint32Array, to: Uint32Array | null): Uint32Array {
  if (to === null) return codes;
  const result = new Uint32Array(codes.length);
  for (let at = 0; at < codes.length; at += 1) result[at] = to[codes[at] as number] as number;
  return result;
}
