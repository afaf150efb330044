/** Kernels as JavaScript, meant to be read. See js-state.ts for how emitted kernels are driven. */
import { generate } from "astring";
import type { Expression, Node, Statement } from "estree";
import { identityOf } from "../interpret.js";
import type { Expr, Fold, Kernel, SinkOf } from "../ir.js";
import { alwaysYields, canFail, mentions, storedElement, walkKernel } from "../traverse.js";
import { BLOCK, LANES, type ElementType } from "../types.js";
import { assign, at, binary, declare, identifier, increment, member, number, run, skeleton } from "./estree.js";
import { BodyEmitter, converted, Names } from "./js-body.js";
import { constant, counting, elementBody, filled, NEXT, OWN, step, stored, usedNames, type Emission, type Own } from "./js-loop.js";
import { helperTexts } from "./js-math.js";
import { joinedBlock, joinedRuns } from "./js-reduce.js";
import { scanSink } from "./js-scan.js";
import { severalSinks } from "./js-several.js";
import { isOrdered } from "./js-state.js";

function arraySink(emission: Emission, element: ElementType): readonly Statement[] {
  const { own } = emission;
  const filters = !alwaysYields(emission.kernel);
  const place = filters ? increment(own.count) : identifier(own.i);
  const inner = elementBody(emission, {
    yield: ([value], emitter) => [assign(at(identifier(own.output), place), stored(element, value as Expr, emitter))],
  });
  if (!filters) return filled(emission, `ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.count += end - begin;`, inner);
  return filled(emission, `let count = state.count; ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.count = count;`, inner);
}

function countSink(emission: Emission): readonly Statement[] {
  const { kernel, own } = emission;
  if (alwaysYields(kernel) && !canFail(kernel)) return skeleton(`state.count += end - begin;`, own);
  const inner = elementBody(emission, { yield: () => [run(increment(own.count))] });
  return filled(emission, `let count = state.count; ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.count = count;`, inner);
}

/**
 * Float sums and products, in the canonical order. A block is folded lane by lane, so that a lane's accumulator is a plain
 * variable and its elements are still in the nearest cache when the next lanes come by. An element that fails is thus not
 * always the first to: whoever drives the kernel runs the slice again, in order, to find that one.
 */
function orderedSink(emission: Emission, sink: SinkOf<"reduce">): readonly Statement[] {
  const { own } = emission;
  const value = identifier(own.value);
  const count = counting(emission, sink.counted);
  const inner = elementBody(emission, {
    yield: ([term], emitter) => [
      assign(value, step(emission, sink, value, converted(sink.term, sink.type, emitter.value(term as Expr)))),
      ...count.each,
    ],
  });
  return filled(
    emission,
    `
    const { lanes, tree } = state;
    let depth = state.depth;
    ${count.open}
    for (let block = begin; block < end; block += ${BLOCK}) {
      const stop = Math.min(block + ${BLOCK}, end);
      for (let lane = 0; lane < ${LANES}; lane++) {
        let value = $identity;
        ELEMENT: for (let i = block + lane; i < stop; i += ${LANES}) { BODY; }
        lanes[lane] = value;
      }
      JOIN;
    }
    state.depth = depth;
    ${count.close}
    END;`,
    inner,
    { $identity: constant(identityOf(sink.op, sink.type)), JOIN: joinedBlock(emission, sink, own), END: joinedRuns(emission, sink, own) },
  );
}

/** Integer sums: a slice's is exact in a plain number. */
function exactSumSink(emission: Emission, sink: SinkOf<"reduce">): readonly Statement[] {
  const { own } = emission;
  const sum = identifier(own.sum);
  const count = counting(emission, sink.counted);
  const inner = elementBody(emission, {
    yield: ([term], emitter) => [assign(sum, binary("+", sum, emitter.value(term as Expr))), ...count.each],
  });
  return filled(
    emission,
    `let sum = 0; ${count.open} ELEMENT: for (let i = begin; i < end; i++) { BODY; }
    state.value = BigInt.asIntN(64, state.value + BigInt(sum)); ${count.close}`,
    inner,
  );
}

/** Reductions that give the same in any order: integers, truth values, minima and maxima. */
function unorderedSink(emission: Emission, sink: SinkOf<"reduce">): readonly Statement[] {
  const value = identifier(emission.own.value);
  const count = counting(emission, sink.counted);
  const inner = elementBody(emission, {
    yield: ([term], emitter) => [
      assign(value, step(emission, sink, value, converted(sink.term, sink.type, emitter.value(term as Expr)))),
      ...count.each,
    ],
  });
  return filled(
    emission,
    `let value = state.value; ${count.open} ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.value = value; ${count.close}`,
    inner,
  );
}

/** A left fold, in order. */
function foldSink(emission: Emission, fold: Fold): readonly Statement[] {
  const { names, own } = emission;
  const accumulator = names.of(fold.accumulator);
  const next = (value: Expression): Statement => assign(identifier(accumulator), value);
  const count = fold.first === null ? counting(emission, true) : { open: "let count = state.count;", each: [run(increment(own.count))], close: "state.count = count;" };
  const inner = elementBody(emission, {
    yield: ([value], emitter) => [next(emitter.value(value as Expr)), ...count.each],
    ...(fold.first === null ? {} : {
      declared: {
        name: fold.first,
        then: skeleton(`if (count === 0) { $next; count = 1; NEXT; }`, { ...own, NEXT, $next: [next(identifier(names.of(fold.first)))] }),
      },
    }),
  });
  return filled(
    emission,
    `let $accumulator = state.value; ${count.open} ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.value = $accumulator; ${count.close}`,
    inner,
    { $accumulator: accumulator },
  );
}

/** The function that joins two lanes' or blocks' accumulators. */
function combineFunction(emission: Emission, combine: NonNullable<Fold["combine"]>): readonly Statement[] {
  const { kernel, names, own, helpers } = emission;
  const nowhere = identifier("undefined");
  const emitter = new BodyEmitter(kernel, names, nowhere, nowhere, { yield: () => [] }, helpers);
  const body = emitter.statements(combine.body);
  return skeleton(
    `const combine = ($left, $right) => { BODY; return $value; };
    // Lanes and blocks without elements are skipped.
    const join = (left, right) => left === undefined ? right : right === undefined ? left : combine(left, right);`,
    { ...own, $left: names.of(combine.left), $right: names.of(combine.right), BODY: body, $value: emitter.value(combine.value) },
  );
}

/** A fold whose lanes fold apart and are joined in the canonical order. */
function combinedSink(emission: Emission, fold: Fold, combine: NonNullable<Fold["combine"]>): readonly Statement[] {
  const { names, own } = emission;
  const store = (value: Expression): readonly Statement[] => skeleton(
    `lanes[lane] = $value; present |= 1 << lane; count++;`,
    { ...own, $value: value },
  );
  const inner = elementBody(emission, {
    yield: ([value], emitter) => store(emitter.value(value as Expr)),
    ...(fold.first === null ? {} : {
      declared: {
        name: fold.first,
        then: skeleton(`if ((present >>> lane & 1) === 0) { STORE; NEXT; }`, { ...own, NEXT, STORE: store(identifier(names.of(fold.first))) }),
      },
    }),
  });
  const start = fold.seed === null ? [] : skeleton(`lanes.fill($seed);`, { ...own, $seed: names.of(fold.seed) });
  const loop = filled(
    emission,
    `
    const { lanes, tree } = state;
    let { depth, count } = state;
    for (let block = begin; block < end; block += ${BLOCK}) {
      const stop = Math.min(block + ${BLOCK}, end);
      START;
      // A bit for every lane that has folded an element.
      let present = 0;
      ELEMENT: for (let i = block; i < stop; i++) {
        const lane = i & ${LANES - 1};
        const $accumulator = lanes[lane];
        BODY;
      }
      // The lanes fold by halves.
      for (let half = ${LANES / 2}; half > 0; half >>= 1) {
        for (let lane = 0; lane < half; lane++) {
          if ((present >>> lane + half & 1) === 0) continue;
          lanes[lane] = (present >>> lane & 1) === 0 ? lanes[lane + half] : combine(lanes[lane], lanes[lane + half]);
          present |= 1 << lane;
        }
      }
      // Blocks join as a balanced tree: two runs of the same length become one.
      let total = present === 0 ? undefined : lanes[0];
      for (let bit = block / ${BLOCK}; (bit & 1) === 1; bit >>= 1) total = join(tree[--depth], total);
      tree[depth++] = total;
    }
    state.depth = depth;
    state.count = count;
    if (end === call.length) {
      let total;
      while (depth > 0) total = join(tree[--depth], total);
      if (total !== undefined) state.value = total;
    }`,
    inner,
    { $accumulator: names.of(fold.accumulator), START: start },
  );
  return [...combineFunction(emission, combine), ...loop];
}

/** A body that stores. Places of a space run row by row, their numbers from `begin` on. */
function storesSink(emission: Emission): readonly Statement[] {
  const { source } = emission.kernel;
  const inner = elementBody(emission, { yield: () => [] });
  if (source.kind !== "space") return filled(emission, `ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.count += end - begin;`, inner);
  const [$width, $height] = source.sizes.map(size => emission.names.of(size)) as [string, string?];
  const layers = $height === undefined ? `const row = line;` : `const layer = Math.floor(line / $height); const row = line - layer * $height;`;
  return filled(
    emission,
    `for (let position = begin; position < end;) {
      const line = Math.floor(position / $width);
      ${layers}
      const next = position - line * $width;
      const stop = Math.min($width, next + end - position);
      ELEMENT: for (let i = next; i < stop; i++) { BODY; }
      position += stop - next;
    }
    state.count += end - begin;`,
    inner,
    { $width, $height: $height ?? "" },
  );
}

/** The first element that yields. */
function firstSink(emission: Emission, sink: SinkOf<"first">): readonly Statement[] {
  const { own } = emission;
  const inner = elementBody(emission, {
    yield: ([value], emitter) => skeleton(
      `state.position = i; ${sink.ranked ? "state.rank = rank - 1;" : ""} state.value = $value; return;`,
      { ...own, $value: emitter.value(value as Expr) },
    ),
    visit: () => [run(increment(own.rank))],
  });
  const loop = `ELEMENT: for (let i = begin; i < end; i++) { BODY; }`;
  return filled(emission, sink.ranked ? `let rank = state.rank; ${loop} state.rank = rank;` : loop, inner);
}

/**
 * Whether slices come in descending order, and each runs backwards, so that a last sink may stop at the first that yields.
 * Where an element can fail, all of them have to run, in order.
 */
export const runsBackwards = (kernel: Kernel): boolean => kernel.sink.kind === "last" && !canFail(kernel);

function lastSink(emission: Emission): readonly Statement[] {
  const { own } = emission;
  const backwards = runsBackwards(emission.kernel);
  const inner = elementBody(emission, {
    yield: ([value], emitter) => skeleton(
      backwards ? `state.position = i; state.value = $value; return;` : `position = i; value = $value;`,
      { ...own, $value: emitter.value(value as Expr) },
    ),
  });
  if (backwards) return filled(emission, `ELEMENT: for (let i = end - 1; i >= begin; i--) { BODY; }`, inner);
  return filled(
    emission,
    `let { position, value } = state; ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.position = position; state.value = value;`,
    inner,
  );
}

function sinkCode(emission: Emission): readonly Statement[] {
  const { sink } = emission.kernel;
  switch (sink.kind) {
    case "array":
      return arraySink(emission, sink.element);
    case "reduce":
      if (isOrdered(sink)) return orderedSink(emission, sink);
      return sink.type === "i64" && sink.term !== "i64" ? exactSumSink(emission, sink) : unorderedSink(emission, sink);
    case "count":
      return countSink(emission);
    case "fold":
      return sink.combine === null ? foldSink(emission, sink) : combinedSink(emission, sink, sink.combine);
    case "scan":
      return scanSink(emission, sink);
    case "first":
      return firstSink(emission, sink);
    case "last":
      return lastSink(emission);
    case "stores":
      return storesSink(emission);
    case "several":
      return severalSinks(emission, sink);
    default:
      return sink satisfies never;
  }
}

/** Declarations of what the kernel takes from the call. */
function argumentsCode(emission: Emission, used: ReadonlySet<string>): readonly Statement[] {
  const { kernel, names, own } = emission;
  const { sink } = kernel;
  const field = (name: string): Expression => member(identifier(own.call), name);
  const statements: Statement[] = [];
  if (kernel.source.kind === "array" && mentions(kernel.body, "element")) statements.push(declare("const", own.source, field("source")));
  if (storedElement(sink) !== null) statements.push(declare("const", own.output, field("output")));
  const sizes = kernel.source.kind === "space" ? kernel.source.sizes : [];
  kernel.scalars.forEach(({ name }, place) => {
    if (used.has(name) || sizes.includes(name)) statements.push(declare("const", names.of(name), at(field("scalars"), number(place))));
  });
  kernel.arrays.forEach(({ name }, place) => {
    if (used.has(name)) statements.push(declare("const", names.of(name), at(field("arrays"), number(place))));
  });
  return statements;
}

/**
 * A verified kernel as JavaScript text: declarations that end with `function kernel(call, state, begin, end)`, a `JsKernel`
 * (see js-state.ts). The text refers to nothing but the language itself and, if it can fail, a `JsRuntime` called `rt`.
 */
export function emitJs(kernel: Kernel): string {
  const names = new Names();
  for (const parameter of [...kernel.scalars, ...kernel.arrays]) names.of(parameter.name);
  if (kernel.sink.kind === "fold") {
    names.of(kernel.sink.accumulator);
    if (kernel.sink.combine !== null) for (const name of [kernel.sink.combine.left, kernel.sink.combine.right]) names.of(name);
  }
  if (kernel.sink.kind === "scan") names.of(kernel.sink.running);
  walkKernel(kernel, { stmt: stmt => void (stmt.kind === "declare" && names.of(stmt.name)) });
  const own = Object.fromEntries(OWN.map(name => [name, names.fresh(name)])) as Own;
  const emission: Emission = { kernel, names, own, helpers: { needed: new Map(), fastMath: kernel.fastMath === true } };
  const code = sinkCode(emission);
  const [definition] = skeleton(`function kernel(call, state, begin, end) { CODE; }`, {
    ...own,
    CODE: [...argumentsCode(emission, usedNames(kernel)), ...code],
  });
  const text = generate(definition as Node, { indent: "  ", comments: true });
  return [...helperTexts(emission.helpers), text].join("\n\n");
}
