/** What several queries have in common, run once: where one is followed by another over the same elements, and these must all be there first. */
import type { BoundQuery, BoundTerminal } from "./bound.js";
import type { Explanation } from "./explanation.js";
import { explanationOf } from "./explain.js";
import { overResults } from "./over.js";
import { stageAgain, terminalAgain } from "./retype.js";
import { collecting, onRows, rowsLater, rowsOf, runAsync, runNow, type Outcome } from "./run.js";
import { dictionaryOf } from "./source.js";
import { methodOf } from "./show.js";
import { Dictionary } from "../table/dictionary.js";
import type { Rows } from "../table/steps.js";
import type { StageShape } from "../../fusion/query.js";

/** Stages that cut a query, or whose kernels are dear: their results are kept, rather than found again. */
const DEAR: ReadonlySet<StageShape["kind"]> = new Set(["flatMap", "scan", "tap", "distinct", "concat", "set", "pair", "match", "groupJoin", "group", "top"]);
/** A count needs no order, and the first of an order no sort. */
const ORDERS: ReadonlySet<StageShape["kind"]> = new Set(["sort", "reverse"]);

/** A query whose results are kept, for what is then run over them. */
export class Once {
  private readonly over: BoundQuery;

  private constructor(private readonly base: BoundQuery) {
    this.over = overResults(base);
  }

  /** What there is to be kept of a query; null if it may as well be read again. `orders`: whether its order is needed each time. */
  static of(query: BoundQuery, orders: boolean): Once | null {
    if (query.source.kind === "stream") return null;
    for (let at = query; at.parent !== null; at = at.parent) {
      const { kind } = at.shape;
      if (kind !== null && (DEAR.has(kind) || (orders && ORDERS.has(kind)))) return new Once(at);
    }
    return null;
  }

  /** The same stages behind the results. */
  query(given: BoundQuery): BoundQuery {
    if (given.parent === null || given.shape.depth <= this.base.shape.depth) return { ...this.over, backend: given.backend };
    const parent = this.query(given.parent);
    return { ...given, source: parent.source, parent, shape: stageAgain(parent.shape, given.shape, given.values) };
  }

  terminal(given: BoundTerminal): BoundTerminal {
    const query = this.query(given.query);
    return { ...given, query, node: terminalAgain(query.shape, given.node, given.values) };
  }

  /** Runs what the results are, and gives what runs terminals over them. */
  now(): (terminal: BoundTerminal) => Outcome {
    const dictionary = new Dictionary(dictionaryOf(this.base.source));
    const rows = rowsOf(this.base, dictionary);
    return terminal => runNow(on(terminal, rows, dictionary), null, dictionary);
  }

  async later(signal: AbortSignal | undefined): Promise<(terminal: BoundTerminal) => Promise<Outcome>> {
    const dictionary = new Dictionary(dictionaryOf(this.base.source));
    const rows = await rowsLater(this.base, dictionary, signal);
    return terminal => runAsync(on(terminal, rows, dictionary), null, signal, dictionary);
  }

  /** What runs first. */
  explanation(): Explanation {
    const { stage } = this.base.shape;
    const explanation = explanationOf(collecting(this.base));
    return { ...explanation, rewritten: [...explanation.rewritten, `all up to ${stage === null ? "the source" : methodOf(stage)} is computed once, and the queries behind it read what it gives`] };
  }

  get first(): BoundTerminal {
    return collecting(this.base);
  }
}

const on = (terminal: BoundTerminal, rows: Rows, dictionary: Dictionary): BoundTerminal => ({ ...terminal, query: onRows(terminal.query, rows, dictionary) });
