/** Several results of one pass, as JavaScript: each has its own names, and its own part of the state. */
import type { Statement } from "estree";
import { identityOf } from "../interpret.js";
import type { Expr, Several, SinkOf } from "../ir.js";
import { alwaysYields } from "../traverse.js";
import { BLOCK, LANES } from "../types.js";
import { assign, at, binary, declare, identifier, increment, member, number, run, skeleton } from "./estree.js";
import { converted, type BodyEmitter } from "./js-body.js";
import { constant, counting, elementBody, filled, step, stored, type Emission, type Own } from "./js-loop.js";
import { joinedBlock, joinedRuns } from "./js-reduce.js";
import { isOrdered } from "./js-state.js";

export const severalSinks = (emission: Emission, { sinks }: Several): readonly Statement[] => {
  const arrays = sinks.flatMap(sink => (sink.kind === "array" ? [sink] : []));
  return arrays.length > 0 ? arraySinks(emission, arrays) : reduceSinks(emission, sinks.flatMap(sink => (sink.kind === "reduce" ? [sink] : [])));
};

function arraySinks(emission: Emission, sinks: readonly SinkOf<"array">[]): readonly Statement[] {
  const { own, names, kernel } = emission;
  const outputs = sinks.map((_, place) => names.fresh(`output${place + 1}`));
  const filters = !alwaysYields(kernel);
  const place = identifier(filters ? own.count : own.i);
  const inner = elementBody(emission, {
    yield: (values, emitter) => [
      ...sinks.map((sink, which) => assign(at(identifier(outputs[which] as string), place), stored(sink.element, values[which] as Expr, emitter))),
      ...(filters ? [run(increment(own.count))] : []),
    ],
  });
  const taken = outputs.map((name, which) => declare("const", name, at(member(identifier(own.call), "outputs"), number(which))));
  const loop = filters
    ? `let count = state.count; ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.count = count;`
    : `ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.count += end - begin;`;
  return [...taken, ...filled(emission, loop, inner)];
}

/** A reduction among several. */
interface Reducing {
  readonly sink: SinkOf<"reduce">;
  readonly own: Own;
  readonly kind: "ordered" | "exact" | "unordered";
}

const OF_ITS_OWN = ["lanes", "tree", "depth", "value", "sum", "total"] as const;

function reducing({ own, names }: Emission, sink: SinkOf<"reduce">, place: number): Reducing {
  const fresh = Object.fromEntries(OF_ITS_OWN.map(name => [name, names.fresh(`${name}${place + 1}`)]));
  const kind = isOrdered(sink) ? "ordered" : sink.type === "i64" && sink.term !== "i64" ? "exact" : "unordered";
  return { sink, kind, own: { ...own, ...fresh, state: names.fresh(`part${place + 1}`) } as Own };
}

/** Where one result's order matters, all go lane by lane (see `orderedSink`): the others are the same in any order. */
function reduceSinks(emission: Emission, sinks: readonly SinkOf<"reduce">[]): readonly Statement[] {
  const all = sinks.map((sink, place) => reducing(emission, sink, place));
  const ordered = all.filter(({ kind }) => kind === "ordered");
  const count = counting(emission, sinks.some(({ counted }) => counted));
  const inner = elementBody(emission, {
    yield: (terms, emitter) => [...all.map((one, place) => folded(emission, one, terms[place] as Expr, emitter)), ...count.each],
  });
  const parts = {
    OPEN: all.flatMap((one, place) => [declare("const", one.own.state, at(member(identifier(emission.own.state), "parts"), number(place))), ...skeleton(OPEN[one.kind], one.own)]),
    CLOSE: all.flatMap(one => skeleton(CLOSE[one.kind], one.own)),
  };
  if (ordered.length === 0) {
    return filled(emission, `OPEN; ${count.open} ELEMENT: for (let i = begin; i < end; i++) { BODY; } CLOSE; ${count.close}`, inner, parts);
  }
  return filled(
    emission,
    `
    OPEN;
    ${count.open}
    for (let block = begin; block < end; block += ${BLOCK}) {
      const stop = Math.min(block + ${BLOCK}, end);
      for (let lane = 0; lane < ${LANES}; lane++) {
        START;
        ELEMENT: for (let i = block + lane; i < stop; i += ${LANES}) { BODY; }
        STORE;
      }
      JOIN;
    }
    CLOSE;
    ${count.close}
    END;`,
    inner,
    {
      ...parts,
      START: ordered.map(({ sink, own }) => declare("let", own.value, constant(identityOf(sink.op, sink.type)))),
      STORE: ordered.flatMap(({ own }) => skeleton(`lanes[lane] = value;`, own)),
      JOIN: ordered.flatMap(({ sink, own }) => joinedBlock(emission, sink, own)),
      END: ordered.flatMap(({ sink, own }) => joinedRuns(emission, sink, own)),
    },
  );
}

const OPEN = {
  ordered: `const { lanes, tree } = state; let depth = state.depth;`,
  exact: `let sum = 0;`,
  unordered: `let value = state.value;`,
} as const;

const CLOSE = {
  ordered: `state.depth = depth;`,
  exact: `state.value = BigInt.asIntN(64, state.value + BigInt(sum));`,
  unordered: `state.value = value;`,
} as const;

function folded(emission: Emission, { sink, own, kind }: Reducing, term: Expr, emitter: BodyEmitter): Statement {
  if (kind === "exact") return assign(identifier(own.sum), binary("+", identifier(own.sum), emitter.value(term)));
  const value = identifier(own.value);
  return assign(value, step(emission, sink, value, converted(sink.term, sink.type, emitter.value(term))));
}
