/** Verbs and terminals of queries and of rows that pick elements by their places, by a condition or by a key. */
import { QueryError } from "../../fusion/errors.js";
import { isBigType } from "../../fusion/types.js";
import { checkCaptures, checkFunction, checkPlace, checkSurplus } from "./arguments.js";
import type { BoundQuery, BoundTerminal } from "./bound.js";
import { captureValues } from "./captures.js";
import type { LazyValue, Work } from "./lazy.js";
import { Sequel } from "./sequel.js";
import { Sequence, type SortKey } from "./sequence.js";
import { plainStage, sliceStage, whileStage } from "./stages.js";
import { aggregate } from "./together.js";
import type { Capture, Captures, Results, Truth } from "./types.js";
import { plainTerminal, plainValue, predicateValue, withLambda, withStage } from "./verbs.js";

/** Where rows are meant, an element is an object of the row's columns. */
export abstract class Picks<Element, Self> extends Sequence<Element, Self> {
  /**
   * The elements before the first for which the lambda is false. It is looked for first, no further than that; nothing is stored.
   *
   * @example
   * compute(prices).takeWhile(x => x < limit, { limit }).sum();
   */
  takeWhile(f: (x: Element, i: number) => Truth, captures?: Captures): Self {
    return this.split(true, f, captures);
  }

  /** The first element for which the lambda is false, and all behind it. */
  skipWhile(f: (x: Element, i: number) => Truth, captures?: Captures): Self {
    return this.split(false, f, captures);
  }

  /**
   * Passes all elements on as they are, and calls a function with each and its place, in order: for looking at what comes by. It is a
   * JavaScript function like any other, called on this thread whenever the query runs; the kernel before it stores what it is called with.
   *
   * @example
   * compute(readings).filter(x => x > 100).tap((x, i) => console.log(i, x)).sum().value();
   */
  tap(f: (x: Element, i: number) => void): Self {
    return this.next(withStage(this.bound, plainStage(this.bound.shape, "tap"), [checkFunction(f, "tap") as Capture]));
  }

  /**
   * Several values of the query at once, by name: in one pass and one kernel as far as each one's meaning allows, the others by
   * themselves; `explain()` says which. Each has the bits that it has by itself.
   *
   * @example
   * const { mean, high, n } = await compute(readings).filter(x => x > 0).aggregate({ mean: q => q.average(), high: q => q.max(), n: q => q.count() });
   * compute({ price, quantity }).aggregate({ total: q => q.sum(r => r.price * r.quantity), dear: q => q.filter(r => r.price > 9).count() }).value();
   */
  aggregate<G extends Readonly<Record<string, (query: Self) => LazyValue<unknown>>>>(branches: G, ...surplus: never[]): LazyValue<Results<G>> {
    checkSurplus(surplus, "aggregate", "Captures belong to the lambdas inside: q => q.filter(x => x > k, { k }).sum().");
    return aggregate(this, branches);
  }

  private split(take: boolean, f: unknown, captures: unknown): Self {
    const verb = take ? "takeWhile" : "skipWhile";
    const record = checkCaptures(captures, verb);
    return this.next(withStage(this.bound, whileStage(this.bound.shape, checkFunction(f, verb), take, record), captureValues(record)));
  }

  /**
   * The first element for which the lambda is true; undefined if there is none.
   *
   * @example
   * compute(readings).find(x => x > 100).value();
   * compute({ carrier, delay }).find(r => r.delay > 60).value();   // { carrier: 3, delay: 75 }
   */
  find(f: (x: Element, i: number) => Truth, captures?: Captures): LazyValue<Element | undefined> {
    return this.bound.shape.columns === null ? predicateValue(this.bound, "find", f, captures) : plainValue(kept(this.bound, f, captures, "find"), "first");
  }

  /**
   * The first element, or the first for which the lambda is true; undefined if there is none.
   *
   * @example
   * compute(readings).filter(x => x < 0).first().value();
   * compute({ carrier, delay }).orderByDescending(r => r.delay).first().value();
   */
  first(f?: (x: Element, i: number) => Truth, captures?: Captures): LazyValue<Element | undefined> {
    return plainValue(kept(this.bound, f, captures, "first"), "first");
  }

  /** The last element, or the last for which the lambda is true; undefined if there is none. */
  last(f?: (x: Element, i: number) => Truth, captures?: Captures): LazyValue<Element | undefined> {
    return plainValue(kept(this.bound, f, captures, "last"), "last");
  }

  /**
   * The element at a place, from the end where it is negative; undefined if there is none.
   *
   * @example
   * compute(readings).elementAt(-1).value();
   */
  elementAt(place: number): LazyValue<Element | undefined> {
    const start = checkPlace(place, "elementAt");
    return plainValue(withStage(this.bound, sliceStage(this.bound.shape, true), [start, start === -1 ? Infinity : start + 1]), place < 0 ? "last" : "first");
  }

  /**
   * The only element, or the only one for which the lambda is true. It is a QueryError, from the run, if there is none or more than
   * one. It is counted first, then found.
   *
   * @example
   * compute({ id, price }).single(r => r.id === wanted, { wanted }).value().price;
   */
  single(f?: (x: Element, i: number) => Truth, captures?: Captures): LazyValue<Element> {
    const query = kept(this.bound, f, captures, "single");
    const [count, first] = [plainTerminal(query, "single"), plainTerminal(query, "first")] as const;
    return new Sequel(count, () => [first], function* () {
      const found = (yield count) as number;
      if (found !== 1) {
        const what = f === undefined ? "elements" : "elements for which the lambda is true";
        throw new QueryError("DC312", `single() needs exactly one element, but there are ${found === 0 ? "no" : found} ${what}`, found === 0 ? "Where there may be none, ask for first(): it is undefined then." : "Where there may be more, ask for first() or toArray().");
      }
      return (yield first) as Element;
    });
  }

  /**
   * The element whose key is smallest, the first of those with the same; undefined of nothing. NaN is no key: an element that has it
   * is given only if all have. Keys are compared as `<` does: 0 and -0 are the same, strings come in the order of their UTF-16 code units.
   *
   * @example
   * compute({ city, distance }).minBy(r => r.distance).value();   // { city: 7, distance: 3.5 }
   */
  minBy(key: (x: Element, i: number) => Exclude<SortKey, null>, captures?: Captures): LazyValue<Element | undefined> {
    return extreme(this.bound, "minBy", key, captures);
  }

  /** The element whose key is largest, the first of those with the same: see `minBy`. */
  maxBy(key: (x: Element, i: number) => Exclude<SortKey, null>, captures?: Captures): LazyValue<Element | undefined> {
    return extreme(this.bound, "maxBy", key, captures);
  }
}

/** The elements for which the lambda, if there is one, is true. */
function kept(query: BoundQuery, f: unknown, captures: unknown, verb: string): BoundQuery {
  return f === undefined && captures === undefined ? query : withLambda(query, "filter", checkFunction(f, verb), null, captures);
}

/** A key as the first query will find it. */
function likeKey({ node }: BoundTerminal): number | bigint | string {
  const { finish, kernels } = node.plan();
  const sink = kernels.at(-1)?.kernel.sink;
  if (finish.kind === "ranked") return "";
  return sink?.kind === "reduce" && isBigType(sink.type) ? 0n : 0;
}

/** The best key is found first, then the first element that has it. */
function extreme<Element>(query: BoundQuery, verb: "minBy" | "maxBy", key: unknown, captures: unknown): LazyValue<Element | undefined> {
  const record = checkCaptures(captures, verb);
  const [f, values] = [checkFunction(key, verb), captureValues(record)];
  const best: BoundTerminal = { query, node: query.shape.keyTerminal(verb === "minBy" ? "leastKey" : "greatestKey", verb, f, record), values };
  const having = (sought: number | bigint | string): BoundTerminal => ({ query, node: query.shape.firstByTerminal(verb, f, record, sought), values: [...values, sought] });
  return new Sequel(best, () => [having(likeKey(best))], function* (): Work<Element | undefined> {
    const sought = (yield best) as number | bigint | string | undefined;
    return (yield sought === undefined ? plainTerminal(query, "first") : having(sought)) as Element | undefined;
  });
}
