/** Kernels that between them reach every loop of native/rt and every statement of the IR. */
import { apply, constant, convert, local, number, select } from "../../fusion/build.js";
import type { Expr, Kernel, ReduceOp, Sink, Source, Stmt } from "../../fusion/ir.js";
import { ELEMENTS, ELEMENT_TYPES, type ElementType, type ScalarType } from "../../fusion/types.js";

const declare = (name: string, value: Expr, mutable = false): Stmt => ({ kind: "declare", name, type: value.type, value, mutable });
const assign = (name: string, value: Expr): Stmt => ({ kind: "assign", name, value });
const branch = (test: Expr, then: readonly Stmt[], otherwise: readonly Stmt[] = []): Stmt => ({ kind: "if", test, then, otherwise });
const loop = (label: string, ...body: readonly Stmt[]): Stmt => ({ kind: "loop", label, body });
const block = (label: string, ...body: readonly Stmt[]): Stmt => ({ kind: "block", label, body });
const leave = (label = "element"): Stmt => ({ kind: "leave", label });
const yields = (value: Expr | null): Stmt => ({ kind: "yield", values: value === null ? [] : [value] });
const keep = (test: Expr): Stmt => branch(apply("not", test), [leave()]);
const visit: Stmt = { kind: "visit" };

const element = (type: ScalarType): Expr => ({ kind: "element", type });
const index: Expr = { kind: "index", type: "f64" };
const capture = (type: ScalarType, name: string): Expr => ({ kind: "capture", type, name });
const read = (type: ScalarType, array: string, at: Expr): Expr => ({ kind: "read", type, array, at });
const lengthOf = (array: string): Expr => ({ kind: "length", type: "f64", array });
/** BigInt division and remainder, and BigInt(): `apply` and `convert` would fold them. */
const effect = (op: "div" | "rem" | "convert", type: ScalarType, ...args: readonly Expr[]): Expr => ({ kind: "apply", op, type, args });

const RANGE: Source = { kind: "range" };
const arrayOf = (type: ElementType): Source => ({ kind: "array", element: type });
const to = (type: ElementType): Sink => ({ kind: "array", element: type });
const reduce = (op: ReduceOp, type: ScalarType, term = type, counted = false): Sink => ({ kind: "reduce", op, type, term, counted });

interface Parameters {
  readonly scalars?: Readonly<Record<string, ScalarType>>;
  readonly arrays?: Readonly<Record<string, ElementType>>;
}

export interface NamedKernel {
  readonly name: string;
  readonly kernel: Kernel;
}

function named(name: string, source: Source, sink: Sink, body: readonly Stmt[], { scalars = {}, arrays = {} }: Parameters = {}): NamedKernel {
  const kernel: Kernel = {
    source,
    scalars: Object.entries(scalars).map(([scalar, type]) => ({ name: scalar, type, origin: { stage: 0, name: scalar } })),
    arrays: Object.entries(arrays).map(([array, type]) => ({ name: array, element: type, origin: { stage: 0, name: array } })),
    body,
    sink,
  };
  return { name, kernel };
}

const x64 = element("f64");
const x32 = element("f32");
const xi = element("i32");
const xl = element("i64");
const half = (type: ElementType): Expr => {
  const { scalar } = ELEMENTS[type];
  return scalar === "i64" || scalar === "u64" ? constant(scalar, 4n) : constant(scalar, 3);
};

/** One kernel for every element type: what is loaded and stored again, all of it and some of it. */
const elements = ELEMENT_TYPES.flatMap(type => {
  const { scalar } = ELEMENTS[type];
  const x = element(scalar);
  return [
    named(`copy ${type}`, arrayOf(type), to(type), [yields(x)]),
    named(`filter ${type}`, arrayOf(type), to(type), [keep(apply("gt", x, half(type))), yields(x)]),
    named(`last of ${type}`, arrayOf(type), { kind: "last", type: scalar }, [keep(apply("gt", x, half(type))), yields(x)]),
  ];
});

const stores = [
  named("f64 to i32", arrayOf("f64"), to("i32"), [yields(convert("i32", x64))]),
  named("f64 to u8c", arrayOf("f64"), to("u8c"), [yields(apply("clampU8", x64))]),
  named("f64 to i8", arrayOf("f64"), to("i8"), [yields(convert("i32", x64))]),
  named("f64 to u16, filtered", arrayOf("f64"), to("u16"), [keep(apply("lt", x64, number(1e6))), yields(convert("i32", x64))]),
  named("u8 to f64, filtered", arrayOf("u8"), to("f64"), [keep(apply("gt", xi, constant("i32", 100))), yields(apply("div", convert("f64", xi), number(3)))]),
  named("range to f32", RANGE, to("f32"), [yields(convert("f32", apply("sqrt", x64)))]),
  named("index of what is kept", arrayOf("f32"), to("f64"), [keep(apply("gt", x32, constant("f32", 1))), yields(apply("add", index, number(0.5)))]),
  named("nothing", arrayOf("f64"), to("f64"), [leave()]),
  named("one capture", arrayOf("f64"), to("f64"), [yields(apply("mul", capture("f64", "k"), number(2)))], { scalars: { k: "f64" } }),
  named(
    "every kind of capture",
    arrayOf("f32"),
    to("f64"),
    [
      keep(apply("or", capture("bool", "yes"), apply("gt", x32, capture("f32", "single")))),
      declare("sum", apply("add", convert("f64", capture("i32", "small")), convert("f64", capture("u32", "natural")))),
      declare("big", apply("add", convert("f64", capture("i64", "large")), convert("f64", capture("u64", "larger")))),
      yields(apply("add", apply("add", local("f64", "sum"), local("f64", "big")), convert("f64", x32))),
    ],
    { scalars: { yes: "bool", single: "f32", small: "i32", natural: "u32", large: "i64", larger: "u64" } },
  ),
];

/** What is the same for all lanes is computed on scalars, where two of C's bools make an int. */
const uniform = [
  named("truth values of captures", arrayOf("f64"), to("f64"), [
    declare("both", apply("and", capture("bool", "yes"), apply("lt", capture("f64", "k"), capture("f64", "m")))),
    declare("one", select(capture("bool", "yes"), apply("xor", capture("bool", "yes"), capture("bool", "no")), capture("bool", "no"))),
    declare("none", select(apply("gt", x64, number(0)), apply("and", capture("bool", "yes"), capture("bool", "no")), apply("or", local("bool", "both"), capture("bool", "no")))),
    keep(apply("or", apply("or", local("bool", "one"), apply("not", apply("and", capture("bool", "yes"), capture("bool", "yes")))), local("bool", "none"))),
    yields(select(apply("or", capture("bool", "no"), apply("and", capture("bool", "yes"), capture("bool", "yes"))), select(apply("and", local("bool", "both"), apply("xor", capture("bool", "yes"), capture("bool", "no"))), x64, number(1)), capture("f64", "m"))),
  ], { scalars: { yes: "bool", no: "bool", k: "f64", m: "f64" } }),
  named("truth values in a fold", arrayOf("i32"), { kind: "fold", type: "bool", accumulator: "total", seed: "yes", first: null, combine: null }, [
    yields(select(apply("gt", xi, constant("i32", 5)), apply("xor", local("bool", "total"), apply("gt", xi, constant("i32", 9))), apply("and", local("bool", "total"), capture("bool", "no")))),
  ], { scalars: { yes: "bool", no: "bool" } }),
];

const reductions = [
  ...(["add", "mul", "min", "max"] as const).flatMap(op => [
    named(`${op} f64`, arrayOf("f64"), reduce(op, "f64"), [yields(x64)]),
    named(`${op} f64, filtered and counted`, arrayOf("f64"), reduce(op, "f64", "f64", true), [keep(apply("gt", x64, number(-0.25))), yields(apply("mul", x64, x64))]),
    named(`${op} i32`, arrayOf("i32"), reduce(op, "i32"), [yields(xi)]),
    named(`${op} i64`, arrayOf("i64"), reduce(op, "i64"), [keep(apply("gt", xl, constant("i64", 0n))), yields(xl)]),
    named(`${op} u64`, arrayOf("u64"), reduce(op, "u64"), [yields(element("u64"))]),
  ]),
  ...(["min", "max"] as const).map(op => named(`${op} f32`, arrayOf("f32"), reduce(op, "f32", "f32", true), [keep(apply("ne", x32, constant("f32", 1))), yields(x32)])),
  ...(["and", "or", "xor"] as const).flatMap(op => [
    named(`${op} i32`, arrayOf("i32"), reduce(op, "i32"), [yields(xi)]),
    named(`${op} u64`, arrayOf("u64"), reduce(op, "u64"), [keep(apply("gt", element("u64"), constant("u64", 9n))), yields(element("u64"))]),
    named(`${op} bool`, arrayOf("f64"), reduce(op, "bool"), [keep(apply("lt", x64, number(1e9))), yields(apply("gt", x64, number(-1e300)))]),
    named(`${op} bool of f32`, arrayOf("f32"), reduce(op, "bool"), [yields(apply("gt", x32, constant("f32", 0)))]),
  ]),
  named("f64 sum of f32", arrayOf("f32"), reduce("add", "f64", "f32"), [keep(apply("gt", x32, constant("f32", 0))), yields(apply("mul", x32, constant("f32", 0.5)))]),
  named("f64 sum of all f32", arrayOf("f32"), reduce("add", "f64", "f32", true), [yields(x32)]),
  named("exact sum of u8", arrayOf("u8"), reduce("add", "i64", "i32"), [yields(xi)]),
  named("exact sum of u32", arrayOf("u32"), reduce("add", "i64", "u32"), [keep(apply("gt", element("u32"), constant("u32", 7))), yields(element("u32"))]),
  named("sum of a range", RANGE, reduce("add", "f64"), [yields(apply("div", number(1), apply("add", x64, number(1))))]),
  named("sum of many operations", arrayOf("f64"), reduce("add", "f64"), [
    declare("y", x64, true),
    ...Array.from({ length: 80 }, (_, n) => assign("y", apply("add", apply("mul", local("f64", "y"), number(0.5)), number(n)))),
    yields(local("f64", "y")),
  ]),
];

const searches = [
  named("count", arrayOf("f32"), { kind: "count" }, [keep(apply("gt", x32, constant("f32", 0.5))), yields(null)]),
  named("count of f64", arrayOf("f64"), { kind: "count" }, [keep(apply("gt", x64, number(0.5))), yields(null)]),
  named("count of all", arrayOf("u8"), { kind: "count" }, [yields(null)]),
  named("first", arrayOf("f64"), { kind: "first", type: "f64", ranked: false }, [keep(apply("gt", x64, number(1e11))), yields(apply("neg", x64))]),
  named("first truth", arrayOf("i32"), { kind: "first", type: "bool", ranked: false }, [keep(apply("eq", apply("and", xi, constant("i32", 255)), constant("i32", 77))), yields(apply("gt", xi, constant("i32", 0)))]),
  named("ranked first", arrayOf("f64"), { kind: "first", type: "f64", ranked: true }, [
    keep(apply("gt", x64, number(0))),
    visit,
    keep(apply("gt", x64, number(4e11))),
    yields(x64),
  ]),
  named("last place", arrayOf("f64"), { kind: "last", type: "f64" }, [keep(apply("gt", x64, number(3e11))), yields(index)]),
  named("first that fails behind it", arrayOf("i32"), { kind: "first", type: "i32", ranked: false }, [
    declare("v", read("i32", "lut", apply("and", xi, constant("i32", 15)))),
    keep(apply("gt", local("i32", "v"), constant("i32", 200))),
    yields(local("i32", "v")),
  ], { arrays: { lut: "u8" } }),
];

const acc = (type: ScalarType): Expr => local(type, "total");
const join = (value: Expr, ...body: readonly Stmt[]): { left: string; right: string; body: readonly Stmt[]; value: Expr } => ({ left: "a", right: "b", body, value });

const folds = [
  named("ordered fold", arrayOf("f64"), { kind: "fold", type: "f64", accumulator: "total", seed: "seed", first: null, combine: null }, [
    keep(apply("lt", x64, number(1e9))),
    yields(apply("sub", apply("mul", acc("f64"), number(0.5)), x64)),
  ], { scalars: { seed: "f64" } }),
  named("fold from the first", arrayOf("f32"), { kind: "fold", type: "f64", accumulator: "total", seed: null, first: "arrived", combine: null }, [
    keep(apply("gt", x32, constant("f32", 0))),
    declare("arrived", convert("f64", x32)),
    yields(apply("sub", local("f64", "arrived"), acc("f64"))),
  ]),
  named("fold in lanes", arrayOf("f64"), { kind: "fold", type: "f64", accumulator: "total", seed: "seed", first: null, combine: join(apply("add", local("f64", "a"), apply("mul", local("f64", "b"), number(1.5)))) }, [
    keep(apply("lt", x64, number(3e11))),
    yields(apply("add", acc("f64"), x64)),
  ], { scalars: { seed: "f64" } }),
  named("fold of BigInts in lanes", arrayOf("i64"), {
    kind: "fold", type: "i64", accumulator: "total", seed: null, first: "arrived",
    combine: join(local("i64", "joined"),
      declare("joined", apply("sub", local("i64", "a"), local("i64", "b")), true),
      block("signs", branch(apply("gt", local("i64", "a"), local("i64", "b")), [leave("signs")]), assign("joined", apply("xor", local("i64", "joined"), constant("i64", 5n))))),
  }, [
    keep(apply("ne", apply("and", xl, constant("i64", 7n)), constant("i64", 3n))),
    declare("arrived", xl),
    yields(apply("sub", apply("mul", acc("i64"), constant("i64", 3n)), local("i64", "arrived"))),
  ]),
  named("fold with loops", arrayOf("i32"), { kind: "fold", type: "i32", accumulator: "total", seed: "seed", first: null, combine: null }, [
    declare("n", apply("and", xi, constant("i32", 7)), true),
    declare("sum", acc("i32"), true),
    loop("outer",
      branch(apply("le", local("i32", "n"), constant("i32", 0)), [leave("outer")]),
      assign("n", apply("sub", local("i32", "n"), constant("i32", 1))),
      declare("m", local("i32", "n"), true),
      loop("inner",
        branch(apply("gt", local("i32", "m"), constant("i32", 4)), [leave("outer")]),
        branch(apply("gt", local("i32", "m"), constant("i32", 3)), [leave("element")]),
        branch(apply("ge", local("i32", "m"), constant("i32", 2)), [leave("inner")], [assign("sum", apply("add", local("i32", "sum"), local("i32", "m")))]),
        assign("m", apply("add", local("i32", "m"), constant("i32", 1)))),
      assign("sum", apply("xor", apply("mul", local("i32", "sum"), constant("i32", 31)), local("i32", "n")))),
    yields(local("i32", "sum")),
  ], { scalars: { seed: "i32" } }),
  named("fold that may fail", arrayOf("i64"), { kind: "fold", type: "i64", accumulator: "total", seed: "seed", first: null, combine: null }, [
    declare("q", effect("div", "i64", acc("i64"), xl)),
    yields(apply("add", local("i64", "q"), xl)),
  ], { scalars: { seed: "i64" } }),
];

const scan = (op: ReduceOp, type: ScalarType, to: ElementType, stored: Expr, seeded: boolean, exclusive: boolean, term = type): Sink => ({
  kind: "scan", type, order: { kind: "canonical", op, term }, seed: seeded ? "seed" : null, exclusive, running: "running", stored, element: to,
});
const running = (type: ScalarType): Expr => local(type, "running");

const scans = [
  named("scan of f64", arrayOf("f64"), scan("add", "f64", "f64", running("f64"), false, false), [yields(apply("mul", x64, number(0.5)))]),
  named("scan of f64, exclusive", arrayOf("f64"), scan("add", "f64", "f64", running("f64"), true, true), [yields(x64)], { scalars: { seed: "f64" } }),
  named("products of f32", arrayOf("f32"), scan("mul", "f64", "f32", convert("f32", running("f64")), false, false, "f32"), [yields(x32)]),
  named("greatest f32 so far, exclusive", arrayOf("f32"), scan("max", "f64", "f32", convert("f32", running("f64")), true, true, "f32"), [yields(x32)], { scalars: { seed: "f64" } }),
  named("least u8 so far", arrayOf("u8"), scan("min", "f64", "u8", convert("i32", running("f64")), true, false), [yields(convert("f64", xi))], { scalars: { seed: "f64" } }),
  named("scan of i32", arrayOf("i32"), scan("add", "i32", "i32", running("i32"), false, false), [yields(xi)]),
  named("scan of i16 to f64, exclusive", arrayOf("i16"), scan("xor", "i32", "f64", convert("f64", running("i32")), true, true), [yields(xi)], { scalars: { seed: "i32" } }),
  named("scan of i64", arrayOf("i64"), scan("add", "i64", "i64", running("i64"), true, false), [yields(xl)], { scalars: { seed: "i64" } }),
  named("scan of u64, exclusive", arrayOf("u64"), scan("or", "u64", "u64", running("u64"), true, true), [yields(element("u64"))], { scalars: { seed: "u64" } }),
  named("scan of a range", RANGE, scan("add", "f64", "f32", convert("f32", running("f64")), false, false), [yields(apply("sqrt", x64))]),
  named("scan of many operations", arrayOf("f64"), scan("add", "f64", "f64", running("f64"), false, false), [
    declare("y", x64, true),
    ...Array.from({ length: 80 }, (_, n) => assign("y", apply("add", apply("mul", local("f64", "y"), number(0.5)), number(n)))),
    yields(local("f64", "y")),
  ]),
  named("scan that may fail", arrayOf("u8"), scan("add", "f64", "f64", running("f64"), false, false), [declare("v", read("f32", "lut", xi)), yields(convert("f64", local("f32", "v")))], { arrays: { lut: "f32" } }),
  named("ordered scan", arrayOf("f64"), { kind: "scan", type: "f64", order: { kind: "left", first: null }, seed: "seed", exclusive: true, running: "total", stored: acc("f64"), element: "f64" }, [
    yields(apply("sub", apply("mul", acc("f64"), number(0.5)), x64)),
  ], { scalars: { seed: "f64" } }),
  named("ordered scan from the first, which may fail", arrayOf("i64"), { kind: "scan", type: "i64", order: { kind: "left", first: "arrived" }, seed: null, exclusive: false, running: "total", stored: acc("i64"), element: "i64" }, [
    declare("arrived", xl),
    declare("q", effect("div", "i64", acc("i64"), local("i64", "arrived"))),
    yields(apply("add", local("i64", "q"), xl)),
  ]),
];

/** How many turns z = z² + c takes to grow beyond 2. */
const escape = (sink: Sink, value: (n: Expr) => Expr): readonly Stmt[] => [
  declare("zx", number(0), true),
  declare("zy", number(0), true),
  declare("n", number(0), true),
  loop("turns",
    branch(apply("not", apply("lt", local("f64", "n"), number(50))), [leave("turns")]),
    declare("xx", apply("mul", local("f64", "zx"), local("f64", "zx"))),
    declare("yy", apply("mul", local("f64", "zy"), local("f64", "zy"))),
    branch(apply("gt", apply("add", local("f64", "xx"), local("f64", "yy")), number(4)), [leave("turns")]),
    assign("zy", apply("add", apply("mul", apply("mul", number(2), local("f64", "zx")), local("f64", "zy")), number(0.25))),
    assign("zx", apply("add", apply("sub", local("f64", "xx"), local("f64", "yy")), apply("mul", x64, number(1e-12)))),
    assign("n", apply("add", local("f64", "n"), number(1)))),
  yields(sink.kind === "count" ? null : value(local("f64", "n"))),
];

const flow = [
  named("escape time", arrayOf("f64"), to("f64"), escape(to("f64"), n => n)),
  named("escape time to bytes", arrayOf("f64"), to("u8"), escape(to("u8"), n => convert("i32", n))),
  named("escape time, summed", arrayOf("f64"), reduce("add", "f64"), escape(to("f64"), n => n)),
  named("branches", arrayOf("f64"), to("f64"), [
    declare("y", x64, true),
    branch(apply("gt", x64, number(0)),
      [assign("y", apply("mul", local("f64", "y"), number(2))), branch(apply("gt", local("f64", "y"), number(1e10)), [assign("y", number(7))])],
      [assign("y", apply("neg", local("f64", "y"))), branch(apply("isNaN", x64), [assign("y", number(-1))], [declare("z", apply("add", local("f64", "y"), number(1))), assign("y", local("f64", "z"))])]),
    yields(local("f64", "y")),
  ]),
  named("early returns", arrayOf("f32"), to("f32"), [
    declare("y", constant("f32", 0), true),
    block("body",
      branch(apply("lt", x32, constant("f32", 0)), [assign("y", apply("neg", x32)), leave("body")]),
      branch(apply("gt", x32, constant("f32", 100)), [branch(apply("gt", x32, constant("f32", 1e9)), [leave()]), assign("y", constant("f32", 100)), leave("body")]),
      assign("y", apply("mul", x32, constant("f32", 3)))),
    yields(local("f32", "y")),
  ]),
  named("nested loops", arrayOf("i32"), to("i32"), [
    declare("n", apply("and", xi, constant("i32", 7)), true),
    declare("sum", constant("i32", 0), true),
    loop("outer",
      branch(apply("le", local("i32", "n"), constant("i32", 0)), [leave("outer")]),
      assign("n", apply("sub", local("i32", "n"), constant("i32", 1))),
      declare("m", local("i32", "n"), true),
      loop("inner",
        branch(apply("gt", local("i32", "m"), constant("i32", 4)), [leave("outer")]),
        branch(apply("eq", local("i32", "m"), constant("i32", 3)), [assign("sum", constant("i32", 1000)), leave("element")]),
        branch(apply("ge", local("i32", "m"), constant("i32", 2)), [leave("inner")], [assign("sum", apply("add", local("i32", "sum"), local("i32", "m")))]),
        assign("m", apply("add", local("i32", "m"), constant("i32", 1)))),
      assign("sum", apply("xor", apply("mul", local("i32", "sum"), constant("i32", 31)), local("i32", "n")))),
    yields(apply("add", local("i32", "sum"), local("i32", "n"))),
  ]),
  named("a loop on one side", arrayOf("u32"), to("f64"), [
    declare("y", convert("f64", element("u32")), true),
    branch(apply("gt", element("u32"), constant("u32", 1000)), [
      loop("halving", branch(apply("lt", local("f64", "y"), number(2)), [leave("halving")]), assign("y", apply("div", local("f64", "y"), number(2)))),
    ], [assign("y", apply("neg", local("f64", "y")))]),
    yields(local("f64", "y")),
  ]),
  named("a loop carries values around", arrayOf("i32"), to("i32"), [
    declare("rounds", apply("and", xi, constant("i32", 3)), true),
    declare("carried", constant("i32", 1), true),
    declare("total", constant("i32", 0), true),
    loop("outer",
      branch(apply("lt", local("i32", "rounds"), constant("i32", 0)), [leave("outer")]),
      // Read at the beginning of a turn, and so by lanes that left the inner loop early in the turn before.
      assign("total", apply("add", local("i32", "total"), local("i32", "carried"))),
      declare("steps", apply("and", apply("add", xi, local("i32", "rounds")), constant("i32", 3)), true),
      loop("inner",
        branch(apply("le", local("i32", "steps"), constant("i32", 0)), [leave("inner")]),
        assign("carried", apply("add", apply("mul", local("i32", "carried"), constant("i32", 3)), local("i32", "steps"))),
        assign("steps", apply("sub", local("i32", "steps"), constant("i32", 1)))),
      assign("total", apply("add", local("i32", "total"), local("i32", "steps"))),
      assign("rounds", apply("sub", local("i32", "rounds"), constant("i32", 1)))),
    yields(local("i32", "total")),
  ]),
];

const effects = [
  named("read by the index", arrayOf("f64"), to("f64"), [declare("v", read("f64", "lut", apply("rem", index, lengthOf("lut")))), yields(apply("add", local("f64", "v"), x64))], { arrays: { lut: "f64" } }),
  named("read by the element", arrayOf("u8"), to("f32"), [declare("v", read("f32", "lut", xi)), yields(local("f32", "v"))], { arrays: { lut: "f32" } }),
  named("read the next", arrayOf("f64"), to("f64"), [declare("v", read("f64", "lut", apply("add", index, number(1)))), yields(apply("add", local("f64", "v"), x64))], { arrays: { lut: "f64" } }),
  named("read those around", arrayOf("u8"), to("i32"), [
    declare("left", constant("i32", -1), true),
    declare("right", constant("f32", -2), true),
    branch(apply("gt", index, number(1)), [assign("left", read("i32", "lut", apply("sub", index, number(2))))]),
    branch(apply("lt", index, number(250)), [assign("right", read("f32", "wide", apply("add", capture("f64", "near"), index)))]),
    yields(apply("add", local("i32", "left"), convert("i32", local("f32", "right")))),
  ], { scalars: { near: "f64" }, arrays: { lut: "u16", wide: "f32" } }),
  named("read at a distance that is no place", arrayOf("i16"), to("f32"), [
    declare("v", constant("f32", 0), true),
    branch(apply("gt", xi, constant("i32", 30_000)), [assign("v", read("f32", "lut", apply("add", index, capture("f64", "k"))))]),
    yields(local("f32", "v")),
  ], { scalars: { k: "f64" }, arrays: { lut: "f32" } }),
  named("read one place", arrayOf("f64"), to("f64"), [declare("v", read("i32", "lut", number(3))), yields(apply("add", convert("f64", local("i32", "v")), x64))], { arrays: { lut: "u16" } }),
  named("read on one side", arrayOf("i32"), to("i64"), [
    declare("v", constant("i64", -1n), true),
    branch(apply("lt", apply("and", xi, constant("i32", 31)), constant("i32", 16)), [assign("v", read("i64", "lut", apply("and", xi, constant("i32", 31))))]),
    yields(local("i64", "v")),
  ], { arrays: { lut: "i64" } }),
  named("read after a filter", arrayOf("f64"), reduce("add", "f64"), [
    keep(apply("and", apply("ge", x64, number(0)), apply("lt", x64, number(16)))),
    declare("v", read("f64", "lut", apply("floor", x64))),
    yields(local("f64", "v")),
  ], { arrays: { lut: "f64" } }),
  named("read in a loop", arrayOf("u8"), { kind: "count" }, [
    declare("at", apply("and", xi, constant("i32", 15)), true),
    loop("walk",
      declare("next", read("i32", "lut", local("i32", "at"))),
      branch(apply("ge", local("i32", "next"), constant("i32", 100)), [leave("walk")]),
      branch(apply("eq", local("i32", "next"), constant("i32", 50)), [leave("element")]),
      assign("at", local("i32", "next"))),
    yields(null),
  ], { arrays: { lut: "u8" } }),
  named("read out of range", arrayOf("f64"), to("f64"), [declare("v", read("f64", "lut", x64)), yields(local("f64", "v"))], { arrays: { lut: "f64" } }),
  named("read at fractions", arrayOf("f64"), { kind: "count" }, [keep(apply("gt", apply("abs", x64), number(0.001))), declare("v", read("f64", "lut", apply("rem", apply("abs", x64), number(16)))), keep(apply("gt", local("f64", "v"), number(0))), yields(null)], { arrays: { lut: "f64" } }),
  named("read nowhere", arrayOf("f64"), to("f64"), [declare("v", read("f64", "lut", apply("sub", x64, x64))), yields(local("f64", "v"))], { arrays: { lut: "f64" } }),
  named("read out of an empty array", arrayOf("f64"), { kind: "count" }, [keep(apply("gt", x64, number(1e11))), declare("v", read("f64", "none", number(0))), keep(apply("gt", local("f64", "v"), number(0))), yields(null)], { arrays: { none: "f64" } }),
  named("BigInt division", arrayOf("i64"), to("i64"), [declare("q", effect("div", "i64", constant("i64", -(2n ** 63n)), xl)), declare("r", effect("rem", "i64", xl, capture("i64", "k"))), yields(apply("xor", local("i64", "q"), local("i64", "r")))], { scalars: { k: "i64" } }),
  named("u64 division on one side", arrayOf("u64"), reduce("xor", "u64"), [
    declare("q", constant("u64", 1n), true),
    branch(apply("gt", element("u64"), constant("u64", 2n)), [assign("q", effect("div", "u64", constant("u64", 2n ** 64n - 1n), element("u64")))]),
    yields(local("u64", "q")),
  ]),
  named("BigInt() of floats", arrayOf("f64"), to("i64"), [declare("v", effect("convert", "i64", apply("trunc", x64))), yields(local("i64", "v"))]),
  named("BigInt() of fractions", arrayOf("f32"), to("u64"), [declare("v", effect("convert", "u64", x32)), yields(local("u64", "v"))]),
  named("a place at every group", RANGE, to("f64"), [declare("v", read("f64", "lut", apply("sub", x64, number(0)))), yields(local("f64", "v"))], { arrays: { lut: "f64" } }),
];

const names = [
  named("names that C++ and the run time use", arrayOf("f64"), to("f64"), [
    declare("double", apply("add", capture("f64", "int"), x64), true),
    declare("f64", apply("mul", local("f64", "double"), number(2))),
    declare("x", apply("add", local("f64", "f64"), number(1))),
    declare("lanes", apply("add", local("f64", "x"), capture("f64", "G"))),
    declare("mask", apply("gt", local("f64", "lanes"), number(0))),
    branch(local("bool", "mask"), [assign("double", select(local("bool", "mask"), local("f64", "lanes"), number(-0)))]),
    declare("test", local("f64", "double")),
    branch(apply("lt", local("f64", "test"), number(5)), [assign("double", number(-1)), leave("element")]),
    yields(apply("sub", local("f64", "double"), local("f64", "test"))),
  ], { scalars: { int: "f64", G: "f64" } }),
];

export const KERNELS: readonly NamedKernel[] = [...elements, ...stores, ...uniform, ...reductions, ...searches, ...folds, ...scans, ...flow, ...effects, ...names];

/** Never ends for elements above zero. */
export const ENDLESS: readonly NamedKernel[] = [
  named("endless map", arrayOf("f64"), to("f64"), [declare("y", x64, true), loop("ever", branch(apply("le", local("f64", "y"), number(0)), [leave("ever")])), yields(local("f64", "y"))]),
  named("endless fold", arrayOf("f64"), { kind: "fold", type: "f64", accumulator: "total", seed: "seed", first: null, combine: null }, [
    declare("y", apply("max", x64, acc("f64")), true),
    loop("ever", branch(apply("le", local("f64", "y"), number(0)), [leave("ever")])),
    yields(local("f64", "y")),
  ], { scalars: { seed: "f64" } }),
  named("endless search", arrayOf("i32"), { kind: "first", type: "i32", ranked: false }, [
    declare("y", xi, true),
    block("out", loop("outer", loop("inner", branch(apply("le", local("i32", "y"), constant("i32", 0)), [leave("out")]), branch(apply("gt", local("i32", "y"), constant("i32", 0)), [leave("inner")])))),
    yields(local("i32", "y")),
  ]),
];
