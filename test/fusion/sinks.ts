/** One kernel for every sink and every way of using it: what backends are compared on. */
import { apply, constant, convert, local, number, select } from "../../fusion/build.js";
import type { Expr, Kernel, ReduceOp, Sink } from "../../fusion/ir.js";
import { ELEMENT_TYPES, ELEMENTS, type ElementType, type ScalarType, type ScalarValue } from "../../fusion/types.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { arrayOf, assign, block, branch, capture, declare, element, index, keep, kernelOf, leave, loop, RANGE, read, visit, yields, yieldsAll, type Parameters } from "./by-hand.js";

export interface Example {
  readonly name: string;
  readonly kernel: Kernel;
  readonly scalars?: readonly ScalarValue[];
  readonly arrays?: readonly AnyTypedArray[];
  /** Ends with an error for some data. */
  readonly fails?: boolean;
}

const scalarOf = (type: ElementType): ScalarType => ELEMENTS[type].scalar;
const big = (type: ScalarType): boolean => type === "i64" || type === "u64";
const one = (type: ScalarType, value: number): ScalarValue => (big(type) ? BigInt(value) : value);

/** Every third element or so, by place, whatever the values are. */
const someByIndex = keep(apply("ne", apply("rem", index, number(3)), number(1)));

function example(name: string, kernel: Kernel, more: Omit<Example, "name" | "kernel"> = {}): Example {
  return { name, kernel, ...more };
}

const STEPS: readonly Example[] = ELEMENT_TYPES.flatMap(type => {
  const scalar = scalarOf(type);
  const x = element(scalar);
  const doubled = scalar === "u32" ? x : apply("add", x, x);
  const sink: Sink = { kind: "array", element: type };
  return [
    example(`${type}: map`, kernelOf(arrayOf(type), sink, [yields(doubled)])),
    example(`${type}: filter`, kernelOf(arrayOf(type), sink, [keep(apply("gt", x, constant(scalar, one(scalar, 3)))), yields(x)])),
    example(`${type}: filter and map by the index`, kernelOf(arrayOf(type), sink, [someByIndex, yields(doubled)])),
    example(`${type}: first`, kernelOf(arrayOf(type), { kind: "first", type: scalar, ranked: true }, [
      someByIndex,
      visit,
      keep(apply("gt", index, number(1500))),
      yields(x),
    ])),
    example(`${type}: last`, kernelOf(arrayOf(type), { kind: "last", type: scalar }, [keep(apply("lt", index, number(1100))), someByIndex, yields(doubled)])),
  ];
});

const REDUCED: readonly (readonly [ElementType, ReduceOp, ScalarType, ScalarType])[] = [
  ["f32", "add", "f64", "f32"],
  ["f32", "add", "f32", "f32"],
  ["f32", "mul", "f64", "f32"],
  ["f64", "add", "f64", "f64"],
  ["f64", "mul", "f64", "f64"],
  ["f64", "min", "f64", "f64"],
  ["f64", "max", "f64", "f64"],
  ["f32", "max", "f32", "f32"],
  ["f32", "min", "f64", "f32"],
  ["i8", "add", "i64", "i32"],
  ["i32", "add", "i64", "i32"],
  ["u32", "add", "i64", "u32"],
  ["i32", "add", "i32", "i32"],
  ["i32", "mul", "i32", "i32"],
  ["i32", "min", "i32", "i32"],
  ["i32", "xor", "i32", "i32"],
  ["u16", "and", "i32", "i32"],
  ["i16", "or", "i32", "i32"],
  ["i64", "add", "i64", "i64"],
  ["i64", "mul", "i64", "i64"],
  ["i64", "max", "i64", "i64"],
  ["i64", "and", "i64", "i64"],
  ["u64", "add", "u64", "u64"],
  ["u64", "min", "u64", "u64"],
  ["u64", "xor", "u64", "u64"],
  ["u8", "and", "bool", "bool"],
  ["u8", "or", "bool", "bool"],
  ["f64", "xor", "bool", "bool"],
];

const REDUCTIONS: readonly Example[] = REDUCED.flatMap(([type, op, accumulator, term]) => {
  const value = term === "bool" ? apply("ge", element(scalarOf(type)), constant(scalarOf(type), 0)) : element(term);
  const sink = (counted: boolean): Sink => ({ kind: "reduce", op, type: accumulator, term, counted });
  return [
    example(`${type}: ${op} in ${accumulator}`, kernelOf(arrayOf(type), sink(true), [yields(value)])),
    example(`${type}: ${op} of some in ${accumulator}`, kernelOf(arrayOf(type), sink(false), [someByIndex, yields(value)])),
    example(`${type}: ${op} of some in ${accumulator}, counted`, kernelOf(arrayOf(type), sink(true), [someByIndex, yields(value)])),
  ];
});

const x64 = element("f64");
const scaled = declare("x", apply("mul", x64, number(0.001)));
const x = local("f64", "x");
const fold = (seeded: boolean, combined: boolean): Sink => ({
  kind: "fold",
  type: "f64",
  accumulator: "acc",
  seed: seeded ? "seed" : null,
  first: seeded ? null : "x",
  // Not commutative, so that a wrong order shows.
  combine: combined ? { left: "left", right: "right", body: [declare("half", apply("mul", local("f64", "right"), number(0.5)))], value: apply("sub", local("f64", "left"), local("f64", "half")) } : null,
});
const seeds: Parameters = { scalars: { seed: "f64" } };
const next = yields(apply("sub", apply("mul", local("f64", "acc"), number(0.75)), x));

const FOLDS: readonly Example[] = [false, true].flatMap(combined =>
  [false, true].flatMap(seeded => {
    const parameters = seeded ? seeds : {};
    const scalars = seeded ? [0.25] : [];
    const name = `fold${seeded ? " from a seed" : ""}${combined ? " with combine" : ""}`;
    return [
      example(name, kernelOf(arrayOf("f64"), fold(seeded, combined), [scaled, next], parameters), { scalars }),
      example(`${name}, of some`, kernelOf(arrayOf("f64"), fold(seeded, combined), [someByIndex, scaled, next], parameters), { scalars }),
      example(`${name}, of few`, kernelOf(arrayOf("f64"), fold(seeded, combined), [keep(apply("eq", apply("rem", index, number(1027)), number(5))), scaled, next], parameters), { scalars }),
      example(`${name}, of none`, kernelOf(arrayOf("f64"), fold(seeded, combined), [keep(apply("lt", index, number(0))), scaled, next], parameters), { scalars }),
    ];
  }),
);

/** Running values, those behind each element and those before it, from a seed and from the first. */
const SCANNED: readonly (readonly [ElementType, ReduceOp, ScalarType, ScalarType])[] = [
  ["f64", "add", "f64", "f64"],
  ["f32", "add", "f64", "f32"],
  ["f64", "mul", "f64", "f64"],
  ["f32", "max", "f64", "f32"],
  ["i32", "add", "i32", "i32"],
  ["u16", "min", "f64", "f64"],
  ["i16", "xor", "i32", "i32"],
  ["u8", "or", "i32", "i32"],
  ["i64", "add", "i64", "i64"],
  ["u64", "and", "u64", "u64"],
];

const SCANS: readonly Example[] = SCANNED.flatMap(([type, op, accumulator, term]) => {
  const [from, running] = [element(scalarOf(type)), local(accumulator, "running")];
  const order = { kind: "canonical", op, term } as const;
  const sink = (seed: string | null, exclusive: boolean, to: ElementType, stored: Expr): Sink => ({ kind: "scan", type: accumulator, order, seed, exclusive, running: "running", stored, element: to });
  const own = convert(scalarOf(type), running);
  const seeded: Parameters = { scalars: { seed: accumulator } };
  const scalars = [one(accumulator, 3)];
  return [
    example(`${type}: scan by ${op}`, kernelOf(arrayOf(type), sink(null, false, type, own), [yields(convert(term, from))])),
    example(`${type}: scan by ${op} from a seed`, kernelOf(arrayOf(type), sink("seed", false, "f32", convert("f32", running)), [yields(convert(term, from))], seeded), { scalars }),
    example(`${type}: exclusive scan by ${op}`, kernelOf(arrayOf(type), sink("seed", true, type, own), [yields(convert(term, from))], seeded), { scalars }),
  ];
});

const leftScan = (seeded: boolean, exclusive: boolean): Sink => ({
  kind: "scan", type: "f64", order: { kind: "left", first: seeded ? null : "x" }, seed: seeded ? "seed" : null, exclusive, running: "acc", stored: convert("f32", local("f64", "acc")), element: "f32",
});

const LEFT_SCANS: readonly Example[] = [
  example("scan from left to right", kernelOf(arrayOf("f64"), leftScan(false, false), [scaled, next])),
  example("scan from left to right, from a seed", kernelOf(arrayOf("f64"), leftScan(true, false), [scaled, next], seeds), { scalars: [0.25] }),
  example("exclusive scan from left to right", kernelOf(arrayOf("f64"), leftScan(true, true), [scaled, next], seeds), { scalars: [0.25] }),
  example("scan of a range", kernelOf(RANGE, { kind: "scan", type: "f64", order: { kind: "canonical", op: "add", term: "f64" }, seed: null, exclusive: false, running: "running", stored: local("f64", "running"), element: "f64" }, [yields(apply("sqrt", x64))])),
];

const bigFold: Example = example(
  "fold of bigints with combine",
  kernelOf(
    arrayOf("i64"),
    {
      kind: "fold", type: "i64", accumulator: "acc", seed: null, first: "y",
      combine: { left: "p", right: "q", body: [], value: apply("sub", apply("mul", local("i64", "p"), constant("i64", 3n)), local("i64", "q")) },
    },
    [someByIndex, declare("y", element("i64")), yields(apply("sub", local("i64", "acc"), local("i64", "y")))],
  ),
);

const n = local("f64", "n");
const more = assign("n", apply("add", n, number(1)));

/** How often the element can be halved before it is below 1; elements of more than 1e9 are skipped from within the loop. */
const HALVINGS = [
  declare("n", number(0), true),
  declare("y", apply("abs", x64), true),
  loop(
    "halving",
    branch(apply("ge", local("f64", "y"), number(1)), [], [leave("halving")]),
    branch(apply("gt", local("f64", "y"), number(1e9)), [leave()]),
    assign("y", apply("mul", local("f64", "y"), number(0.5))),
    more,
  ),
];

/** Nested loops with every kind of jump. */
const JUMPS = [
  declare("n", number(0), true),
  declare("k", number(0), true),
  block(
    "done",
    loop(
      "outer",
      branch(apply("lt", local("f64", "k"), number(12)), [], [leave("outer")]),
      assign("k", apply("add", local("f64", "k"), number(1))),
      block(
        "next",
        branch(apply("eq", apply("rem", local("f64", "k"), number(3)), number(0)), [leave("next")]),
        branch(apply("gt", x64, number(1e6)), [leave("done")]),
        declare("m", number(0), true),
        loop(
          "inner",
          more,
          assign("m", apply("add", local("f64", "m"), number(1))),
          branch(apply("gt", local("f64", "m"), local("f64", "k")), [leave("next")]),
          branch(apply("lt", x64, number(-1e6)), [branch(apply("gt", local("f64", "m"), number(4)), [leave("outer")], [leave()])]),
          branch(apply("gt", local("f64", "m"), number(7)), [leave("inner")]),
        ),
        assign("n", apply("add", n, number(100))),
      ),
    ),
    assign("n", apply("add", n, number(0.25))),
  ),
];

const table = Float64Array.from({ length: 50 }, (_, at) => Math.sin(at));
const tables: Parameters = { arrays: { lut: "f64" } };

const OTHERS: readonly Example[] = [
  example("count all", kernelOf(arrayOf("u8"), { kind: "count" }, [yields(null)])),
  example("count some", kernelOf(arrayOf("u8"), { kind: "count" }, [keep(apply("gt", element("i32"), constant("i32", 40))), yields(null)])),
  example("never yields", kernelOf(arrayOf("u8"), { kind: "count" }, [])),
  example("stores none", kernelOf(arrayOf("u8"), { kind: "array", element: "u8" }, [leave()])),
  example("range: squares", kernelOf(RANGE, { kind: "array", element: "f64" }, [yields(apply("mul", x64, index))])),
  example("range: sum", kernelOf(RANGE, { kind: "reduce", op: "add", type: "f64", term: "f64", counted: true }, [yields(apply("sqrt", x64))])),
  example("unranked first", kernelOf(arrayOf("f64"), { kind: "first", type: "bool", ranked: false }, [keep(apply("gt", index, number(33))), yields(apply("gt", x64, number(0)))])),
  example("no last", kernelOf(arrayOf("f64"), { kind: "last", type: "f64" }, [leave()])),
  example("clamped stores", kernelOf(arrayOf("f64"), { kind: "array", element: "u8c" }, [yields(apply("clampU8", apply("mul", x64, number(100))))])),
  example("low bytes in a clamped array", kernelOf(arrayOf("i32"), { kind: "array", element: "u8c" }, [yields(element("i32"))])),
  example("select", kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, [yields(select(apply("gt", x64, number(0)), x64, apply("neg", x64)))])),
  example("captures", kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, [yields(apply("mul", x64, capture("f64", "k")))], { scalars: { unused: "i64", k: "f64" } }), { scalars: [1n, 0.1] }),
  example("loop with a condition", kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, [...HALVINGS, yields(n)])),
  example("loop in a sum", kernelOf(arrayOf("f64"), { kind: "reduce", op: "add", type: "f64", term: "f64", counted: true }, [...HALVINGS, yields(n)])),
  example("jumps", kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, [...JUMPS, yields(n)])),
  example("jumps in a fold", kernelOf(arrayOf("f64"), fold(true, true), [...JUMPS, scaled, yields(apply("add", local("f64", "acc"), n))], seeds), { scalars: [1] }),
  example(
    "look-up",
    kernelOf(arrayOf("i32"), { kind: "reduce", op: "add", type: "f64", term: "f64", counted: true }, [
      declare("y", read("f64", "lut", apply("and", element("i32"), constant("i32", 31)))),
      yields(apply("add", local("f64", "y"), { kind: "length", type: "f64", array: "lut" })),
    ], tables),
    { arrays: [table] },
  ),
  example(
    "look-up in a branch, into a variable that is its own index",
    kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, [
      declare("y", apply("floor", apply("abs", x64)), true),
      branch(apply("lt", local("f64", "y"), number(50)), [assign("y", read("f64", "lut", local("f64", "y")))]),
      yields(local("f64", "y")),
    ], tables),
    { arrays: [table] },
  ),
  ...([
    ["array", { kind: "array", element: "f64" }],
    ["sum", { kind: "reduce", op: "add", type: "f64", term: "f64", counted: false }],
    ["last", { kind: "last", type: "f64" }],
    ["first", { kind: "first", type: "f64", ranked: false }],
    ["fold", fold(true, false)],
    ["combined fold", fold(true, true)],
    ["scan", { kind: "scan", type: "f64", order: { kind: "canonical", op: "add", term: "f64" }, seed: null, exclusive: false, running: "running", stored: local("f64", "running"), element: "f64" }],
    ["scan from left to right", leftScan(true, false)],
  ] as const).map(([name, sink]) =>
    example(
      `look-up that fails: ${name}`,
      kernelOf(arrayOf("f64"), sink, [
        declare("y", read("f64", "lut", convert("i32", apply("floor", apply("abs", x64))))),
        ...(sink.kind === "scan" ? [] : [keep(apply("gt", local("f64", "y"), number(0.99)))]),
        yields(local("f64", "y")),
      ], { ...tables, ...("seed" in sink && sink.seed !== null ? seeds : {}) }),
      { arrays: [table], scalars: "seed" in sink && sink.seed !== null ? [0] : [], fails: true },
    ),
  ),
  example(
    "names that JavaScript or the emitter needs",
    kernelOf(arrayOf("f64"), { kind: "reduce", op: "add", type: "f64", term: "f64", counted: true }, [
      declare("i", apply("abs", x64)),
      declare("Math", apply("floor", local("f64", "i"))),
      declare("lanes", apply("add", local("f64", "Math"), capture("f64", "state")), true),
      assign("lanes", apply("add", local("f64", "lanes"), capture("f64", "function"))),
      keep(apply("ge", local("f64", "lanes"), capture("f64", "begin"))),
      yields(apply("sqrt", local("f64", "lanes"))),
    ], { scalars: { state: "f64", begin: "f64", function: "f64" } }),
    { scalars: [1.5, 2, 0.25] },
  ),
];

const reduceOf = (op: ReduceOp, type: ScalarType, term: ScalarType, counted = false) => ({ kind: "reduce", op, type, term, counted }) as const;

/** Every element of every type, stored twice and reduced in several ways. */
export const SEVERAL: readonly Example[] = [
  ...ELEMENT_TYPES.flatMap(type => {
    const scalar = scalarOf(type);
    const x = element(scalar);
    const sink: Sink = { kind: "several", sinks: [{ kind: "array", element: type }, { kind: "array", element: "f64" }, { kind: "array", element: "u8" }] };
    const parity = convert("i32", apply("rem", index, number(7)));
    const reductions: Sink = {
      kind: "several",
      sinks: big(scalar)
        ? [reduceOf("add", scalar, scalar, true), reduceOf("add", "f64", "f64"), reduceOf("xor", scalar, scalar)]
        : [reduceOf("add", "f64", "f64"), ...(scalar === "u32" ? [] : [reduceOf("max", scalar, scalar)]), reduceOf("add", "i64", "i32", true), reduceOf("or", "bool", "bool")],
    };
    const values = big(scalar)
      ? yieldsAll(x, index, x)
      : yieldsAll(convert("f64", x), ...(scalar === "u32" ? [] : [x]), parity, apply("gt", index, number(1500)));
    return [
      example(`${type}: several maps`, kernelOf(arrayOf(type), sink, [yieldsAll(x, index, parity)])),
      example(`${type}: several filters`, kernelOf(arrayOf(type), sink, [someByIndex, yieldsAll(x, index, parity)])),
      example(`${type}: several reductions`, kernelOf(arrayOf(type), reductions, [values])),
      example(`${type}: several reductions of some`, kernelOf(arrayOf(type), reductions, [someByIndex, values])),
    ];
  }),
  example("several reductions in any order", kernelOf(arrayOf("i32"), { kind: "several", sinks: [reduceOf("min", "i32", "i32"), reduceOf("add", "i64", "i32"), reduceOf("xor", "i32", "i32", true)] }, [
    someByIndex,
    yieldsAll(element("i32"), element("i32"), element("i32")),
  ])),
  example("several arrays that fail", kernelOf(arrayOf("f64"), { kind: "several", sinks: [{ kind: "array", element: "f64" }, { kind: "array", element: "f32" }] }, [
    keep(apply("gt", index, number(40))),
    declare("y", read("f64", "lut", index)),
    yieldsAll(local("f64", "y"), convert("f32", local("f64", "y"))),
  ], tables), { arrays: [table], fails: true }),
  example("several reductions that fail", kernelOf(arrayOf("f64"), { kind: "several", sinks: [reduceOf("add", "f64", "f64"), reduceOf("min", "f64", "f64")] }, [
    declare("y", number(0), true),
    branch(apply("gt", index, number(40)), [assign("y", read("f64", "lut", index))]),
    yieldsAll(local("f64", "y"), element("f64")),
  ], tables), { arrays: [table], fails: true }),
];

export const EXAMPLES: readonly Example[] = [...STEPS, ...REDUCTIONS, ...FOLDS, ...SCANS, ...LEFT_SCANS, bigFold, ...OTHERS];
