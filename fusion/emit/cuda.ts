/**
 * A kernel as CUDA C: its body for one element, by one thread, and a function for each step of its loop (native/rt/*.cuh).
 * How these functions are run is in cuda-plan.ts.
 */
import { CompilerBug } from "../errors.js";
import type { ArrayParameter, Fold, Kernel, Parameter, ReduceOp, ScalarParameter, Scan, SingleSink, SinkOf, Stmt, Stores } from "../ir.js";
import { lower } from "../passes/lower.js";
import { singlesOf, type SingleKernel } from "../several.js";
import { alwaysYields, hasLoops, namesOf, storedElement } from "../traverse.js";
import { ELEMENTS, type ScalarType } from "../types.js";
import { verify } from "../verify.js";
import { capturesOf, entryOf, mayBeInPlace, planOf, type CapturesLayout, type CudaDevice, type CudaPlan, type Shape, THREADS } from "./cuda-plan.js";
import type { CodeOptions } from "./code.js";
import { ScalarWriter, type ScalarEnds } from "./cpp-scalar.js";
import { C_ELEMENTS, cScalar, nameIn, PRECEDENCE, primary, type Dialect } from "./dialect.js";
import { printC } from "./expr.js";
import { sizeOf } from "./size.js";
import { Writer } from "./writer.js";

export * from "./cuda-plan.js";

export { cudaPrelude } from "./constants.js";

/** The flag by which code says from which line of its source it is. */
export const LINE_INFO = "--generate-line-info";

/**
 * How emitted kernels are compiled, by NVRTC; the architecture comes with the device. Exact kernels round every operation once,
 * and keep subnormals. Kernels of one query agree about `fastMath`, which contracts multiplications and additions; the
 * elementary functions stay the project's own.
 */
export const cudaFlagsOf = (kernels: readonly Kernel[], { optimisation = 3, debug = false }: CodeOptions = {}): readonly string[] => [
  "-std=c++17",
  `--fmad=${String(kernels.some(kernel => kernel.fastMath === true))}`,
  "--prec-div=true",
  "--prec-sqrt=true",
  "--ftz=false",
  ...(optimisation === 3 ? [] : [`--ptxas-options=-O${optimisation}`]),
  ...(debug ? [LINE_INFO] : []),
];

export interface CudaOptions {
  /** The name of the program's main function; the others' begin with it. */
  readonly symbol: string;
  /** Put above the kernel as line comments. */
  readonly comment?: string;
}

export interface CudaProgram {
  /** Comes after `cudaPrelude`; several programs may share a file. */
  readonly text: string;
  /** The names of the functions. */
  readonly entries: readonly string[];
  readonly captures: CapturesLayout;
  /** The output may be the source itself. */
  readonly inPlace: boolean;
  /** Array sinks: whether elements are stored at their own places, so that `output` moves on with a chunk. */
  readonly outputByPlace: boolean;
  /** The launches for a source of `length` elements, in chunks of at most `chunkLength`. */
  readonly plan: (length: number, device: CudaDevice, chunkLength?: number) => CudaPlan;
}

/** A launch's arguments may have 4 KiB on every device; this much is for those that are not captures. */
const CAPTURES_ROOM = 4096 - 128;

/** About how many operations a loop's body may have after unrolling: beyond, compiling takes long and registers run out. */
const UNROLLED_SIZE = 256;
/** The bytes that a thread may have on their way from memory at a time. */
const BYTES_IN_FLIGHT = 64;
const VECTOR_BYTES = 16;

const OPERATORS = { add: "Add", mul: "Mul", min: "Min", max: "Max", and: "And", or: "Or", xor: "Xor" } as const satisfies Record<ReduceOp, string>;

/** What emitted bodies mention by name. */
const RESERVED = new Set("Lane Places Body Captures Running Stored lanes captures result".split(" "));

const TYPES = { bool: "bool", i32: "int", u32: "unsigned", i64: "long long", u64: "unsigned long long", f32: "float", f64: "double" } as const satisfies Record<ScalarType, string>;

/** CUDA C where the source element is called `element`. */
export const cudaDialect = (element: string): Dialect => ({
  name: "CUDA C",
  isScalar: () => true,
  reserved: RESERVED,
  // Macros of the compiler's headers are in capitals.
  macros: /^[A-Z][A-Z\d_]+$/,
  wrapsByHelpers: true,
  element: primary(element),
  index: { text: "lanes.index()", precedence: PRECEDENCE.postfix },
  length: array => ({ text: `${array}.size()`, precedence: PRECEDENCE.postfix }),
  axis: axis => ({ text: axis === 1 ? "lanes.row" : "lanes.layer", precedence: PRECEDENCE.postfix }),
  column: (array, offset) => ({ text: `lanes.here(${array}${offset === 0 ? "" : `, ${offset}`})`, precedence: PRECEDENCE.postfix }),
  select: "ternary",
  types: TYPES,
});

/** The kernel, verified and of one result, as CUDA C and a plan to run it by. */
export function emitCuda(kernel: Kernel, options: CudaOptions): CudaProgram {
  const lowered = lower(kernel);
  if (lowered !== kernel) verify(lowered, "lower");
  const [single, another] = singlesOf(lowered);
  if (single === undefined || another !== undefined) throw new CompilerBug("a CUDA program has one result");
  return new ProgramWriter(single, kernel, options).write();
}

/**
 * The place of a parameter among those that the caller gives: lowering may drop parameters that nothing needs any more, and
 * rename others. Two of the same origin and type have the same value.
 */
function placeOf<P extends Parameter>(parameter: P, given: readonly P[], isSame: (a: P, b: P) => boolean): number {
  const { stage, name } = parameter.origin;
  const place = given.findIndex(other => other.origin.stage === stage && other.origin.name === name && isSame(other, parameter));
  if (place < 0) throw new CompilerBug(`the parameter ${parameter.name} is not among those given`);
  return place;
}

/** The largest power of two that is at most `value`, and 1 at least. */
const powerBelow = (value: number): number => (value < 2 ? 1 : 2 ** Math.floor(Math.log2(value)));

function shapeOf(kernel: SingleKernel, given: Kernel, symbol: string): Shape {
  const { body, sink, source } = kernel;
  // Nothing is loaded ahead of a body that only stores.
  if (sink.kind === "stores") return { symbol, sink, map: false, vector: 1, unroll: 1, hasCaptures: given.scalars.length + given.arrays.length > 0, hasSource: false };
  const copies = powerBelow(UNROLLED_SIZE / Math.max(1, sizeOf(body)));
  const inBytes = source.kind === "array" ? ELEMENTS[source.element].bytes : 8;
  const stored = storedElement(sink);
  const map = stored !== null && alwaysYields(kernel);
  const inRows = sink.kind === "reduce" || sink.kind === "fold" || sink.kind === "scan" || (sink.kind === "array" && !map);
  const widest = map && stored !== null ? Math.max(inBytes, ELEMENTS[stored].bytes) : inBytes;
  const vector = inRows ? 1 : Math.min(copies, VECTOR_BYTES / widest);
  const unroll = Math.min(copies / vector, inRows ? 8 : 4, powerBelow(BYTES_IN_FLIGHT / (vector * inBytes)));
  return { symbol, sink, map, vector, unroll, hasCaptures: given.scalars.length + given.arrays.length > 0, hasSource: source.kind === "array" };
}

class ProgramWriter {
  private readonly names: Set<string>;
  private readonly dialect: Dialect;
  private readonly element: string;
  private readonly shape: Shape;
  private readonly captures: CapturesLayout;
  private readonly entries: string[] = [];
  private readonly out = new Writer();

  constructor(
    private readonly kernel: SingleKernel,
    /** As the caller knows it: its parameters are those that a call brings. */
    private readonly given: Kernel,
    private readonly options: CudaOptions,
  ) {
    const plain = cudaDialect("x");
    this.names = new Set([...namesOf(kernel)].map(name => nameIn(plain, name)));
    this.element = this.names.has("x") ? this.fresh("element") : "x";
    this.dialect = cudaDialect(this.element);
    this.shape = shapeOf(kernel, given, options.symbol);
    this.captures = capturesOf(given, CAPTURES_ROOM);
  }

  write(): CudaProgram {
    const { out, options, kernel, shape, captures, entries } = this;
    const { symbol, comment } = options;
    if (comment !== undefined) for (const line of comment.split("\n")) out.line(`// ${line}`.trimEnd());
    out.line(`namespace kernel_${symbol} {`);
    out.line("using namespace dotcompute::rt;");
    out.line();
    this.capturesStruct();
    if (kernel.sink.kind === "fold") this.fold(kernel.sink);
    else if (kernel.sink.kind === "scan") this.scan(kernel.sink);
    else if (kernel.sink.kind === "stores") this.space();
    else this.loops(kernel.sink);
    out.line(`}  // namespace kernel_${symbol}`);
    out.line();
    return {
      text: out.toString(),
      entries,
      captures,
      inPlace: mayBeInPlace(kernel, shape),
      outputByPlace: shape.map,
      plan: (length, device, chunkLength = length) => planOf(shape, length, device, chunkLength),
    };
  }

  /** A name like `base` that nothing else has. */
  private fresh(base: string): string {
    let name = base;
    for (let n = 2; this.names.has(name) || RESERVED.has(name); n++) name = `${base}_${n}`;
    this.names.add(name);
    return name;
  }

  private scalarField(scalar: ScalarParameter): string {
    return `scalar${placeOf(scalar, this.given.scalars, (a, b) => a.type === b.type)}`;
  }

  private arrayField(array: ArrayParameter): string {
    return `array${placeOf(array, this.given.arrays, (a, b) => a.element === b.element)}`;
  }

  /** Every field begins at a multiple of 8 bytes: `CapturesLayout`. */
  private capturesStruct(): void {
    const { given, out } = this;
    if (!this.shape.hasCaptures) return;
    out.braces(
      "struct Captures",
      () => {
        given.scalars.forEach(({ type }, place) => out.line(`alignas(8) ${TYPES[type]} scalar${place};`));
        given.arrays.forEach(({ element }, place) => out.line(`Array<${C_ELEMENTS[element]}> array${place};`));
      },
      "};",
    );
    out.line();
  }

  /** A function object `name` that sees the captures. */
  private functor(name: string, signature: string, inside: () => void): void {
    const { kernel, out, dialect } = this;
    out.braces(
      `struct ${name}`,
      () => {
        if (this.shape.hasCaptures) out.line("const Captures& captures;");
        out.braces(`RT_MEMBER ${signature} const`, () => {
          for (const scalar of kernel.scalars) out.line(`const ${TYPES[scalar.type]} ${nameIn(dialect, scalar.name)} = captures.${this.scalarField(scalar)};`);
          for (const array of kernel.arrays) out.line(`const Array<${C_ELEMENTS[array.element]}> ${nameIn(dialect, array.name)} = captures.${this.arrayField(array)};`);
          inside();
        });
      },
      "};",
    );
    out.line();
  }

  private statements(stmts: readonly Stmt[], ends: ScalarEnds): void {
    new ScalarWriter(this.dialect, base => this.fresh(base), ends).statements(stmts, this.out);
  }

  private get in(): string {
    const { source } = this.kernel;
    return source.kind === "array" ? C_ELEMENTS[source.element] : "Range";
  }

  private get elementType(): string {
    const { source } = this.kernel;
    return TYPES[source.kind === "array" ? ELEMENTS[source.element].scalar : "f64"];
  }

  /** A function of the program. `more` are its parameters between the source and the state; `call` is what it does. */
  private entry(part: string, more: readonly string[], call: string, { source = true, state = true, captures = this.shape.hasCaptures, threads = THREADS } = {}): void {
    const { out, kernel } = this;
    const name = entryOf(this.options.symbol, part);
    this.entries.push(name);
    const parameters = [
      ...(source && kernel.source.kind === "array" ? [`const ${this.in}* data`] : []),
      ...(source ? ["u64 base", "u64 length"] : []),
      ...more,
      ...(state ? ["State* state", "const volatile int* stop"] : []),
      ...(captures ? [this.captures.byValue ? "const Captures captures" : "const Captures* captured"] : []),
    ];
    out.braces(`extern "C" __global__ void __launch_bounds__(${threads}) ${name}(${parameters.join(", ")})`, () => {
      if (captures && !this.captures.byValue) out.line("const Captures& captures = *captured;");
      if (source) out.line(`const Source<${this.in}> source{${kernel.source.kind === "array" ? "data" : "base"}};`);
      out.line(call);
    });
    out.line();
  }

  /** A body that stores, for places that run at once. */
  private space(): void {
    const { kernel, out } = this;
    this.functor("Body", "void operator()(Places& lanes)", () => {
      const misplaced = (): never => {
        throw new CompilerBug("a body that stores yields nothing");
      };
      this.statements(kernel.body, { leave: "return;", fail: "return;", yield: misplaced });
      out.line("return;");
    });
    const sizes = kernel.source.kind === "space" ? kernel.source.sizes.map(size => `captures.${this.scalarField(kernel.scalars.find(({ name }) => name === size) as ScalarParameter)}`) : [];
    this.entry("", [], `space(${["base", "length", "state", "stop", this.made("Body"), ...sizes].join(", ")});`);
  }

  private loops(sink: Exclude<SingleSink, Fold | Scan | Stores>): void {
    this.body(sink);
    const { shape, kernel } = this;
    const body = this.made("Body");
    const sweep = `${shape.vector}, ${shape.unroll}`;
    switch (sink.kind) {
      case "array": {
        const type = C_ELEMENTS[sink.element];
        const output = `${type}* output`;
        if (shape.map) return this.entry("", [output], `map<${this.in}, ${type}, ${sweep}>(source, base, length, output, state, stop, ${body});`);
        this.entry("count", ["u64* counts"], `filter_count<${this.in}, ${type}, ${shape.unroll}>(source, base, length, counts, state, stop, ${body});`);
        this.entry("scan", ["u64* counts", "u64 size", "u64* totals", "State* state"], "filter_scan(counts, size, totals, state);", { source: false, state: false, captures: false });
        return this.entry("", ["const u64* sums", output], `filter_write<${this.in}, ${type}, ${shape.unroll}>(source, base, length, sums, output, state, stop, ${body});`);
      }
      case "reduce": {
        const [op, type] = [OPERATORS[sink.op], cScalar(sink.type)];
        const counted = String(sink.counted);
        this.entry("", [`${type}* blocks`], `reduce<${op}, ${this.in}, ${cScalar(sink.term)}, ${type}, ${shape.unroll}, ${counted}>(source, base, length, blocks, state, stop, ${body});`);
        return this.entry("join", [`const ${type}* values`, "u64 size", `${type}* joined`, "State* state"], `reduce_join<${op}>(values, size, joined, state);`, { source: false, state: false, captures: false });
      }
      case "count":
        return this.entry("", [], `count<${this.in}, ${sweep}>(source, base, length, state, stop, ${body});`);
      case "first":
      case "last": {
        const types = `${this.in}, ${cScalar(sink.type)}`;
        const rest = `(source, base, length, state, stop, ${body});`;
        const loops = sink.kind === "first" ? `, ${String(hasLoops(kernel.body))}` : "";
        this.entry("", [], `find_${sink.kind}<${types}, ${sweep}${loops}>${rest}`);
        if (sink.kind === "first" && sink.ranked) this.entry("rank", [], `rank_first<${types}, ${sweep}>${rest}`);
        return this.entry("take", [], `take_found<${types}>${rest}`, { threads: 1 });
      }
      default:
        return sink satisfies never;
    }
  }

  private made(functor: string): string {
    return `${functor}{${this.shape.hasCaptures ? "captures" : ""}}`;
  }

  /** The body, which says whether the element yields. */
  private body(sink: Exclude<SingleSink, Fold | Scan | Stores> | Pick<SinkOf<"reduce">, "kind" | "term">): void {
    const { kernel, out, element } = this;
    const type = sink.kind === "count" ? "Nothing" : TYPES[sink.kind === "array" ? ELEMENTS[sink.element].scalar : sink.kind === "reduce" ? sink.term : sink.type];
    this.functor("Body", `bool operator()(Lane& lanes, ${this.elementType} ${element}, ${type}& result)`, () => {
      this.statements(kernel.body, {
        leave: "return false;",
        fail: "return false;",
        yield: value => `return result = ${value}, true;`,
        nothing: "return true;",
        visit: "lanes.visited = true;",
      });
      if (kernel.body.at(-1)?.kind !== "yield") out.line("return false;");
    });
  }

  private scan(sink: Scan): void {
    const { out, dialect, shape } = this;
    const { order, exclusive } = sink;
    const [type, to] = [TYPES[sink.type], C_ELEMENTS[sink.element]];
    out.braces(
      "struct Stored",
      () => out.line(`RT_MEMBER ${TYPES[ELEMENTS[sink.element].scalar]} operator()(${type} ${nameIn(dialect, sink.running)}) const { return ${printC(sink.stored, dialect)}; }`),
      "};",
    );
    out.line();
    if (order.kind === "left") {
      this.step(sink.type, sink.running, order.first);
      return this.entry("", [`${to}* output`], `scan_left<${this.in}, ${to}, ${String(exclusive)}, ${shape.unroll}>(source, base, length, output, state, stop, ${this.seedOf(sink)}, ${this.made("Step")}, Stored{});`, { threads: 1 });
    }
    this.body({ kind: "reduce", term: order.term });
    const op = OPERATORS[order.op];
    const types = `${op}, ${this.in}, ${cScalar(order.term)}, ${type}`;
    const seed = sink.seed === null ? `${op}::identity<${type}>()` : this.seedOf(sink);
    this.entry("totals", [`${type}* totals`], `scan_totals<${types}, ${shape.unroll}>(source, base, length, totals, state, stop, ${this.made("Body")});`);
    this.entry("carry", [`${type}* totals`, "u64 size", "u64 base", "State* state"], `scan_carry<${op}>(totals, size, base, state, ${seed});`, { source: false, state: false });
    this.entry("", [`const ${type}* carries`, `${to}* output`], `scan<${types}, ${to}, ${String(exclusive)}, ${shape.unroll}>(source, base, length, carries, output, state, stop, ${this.made("Body")}, Stored{});`);
  }

  private seedOf({ seed, type }: Fold | Scan): string {
    const seeding = this.kernel.scalars.find(({ name }) => name === seed);
    return seeding === undefined ? `(${TYPES[type]})0` : `captures.${this.scalarField(seeding)}`;
  }

  /** A step of a left fold. */
  private step(scalar: ScalarType, carried: string, first: string | null): void {
    const { kernel, out, dialect, element } = this;
    const type = TYPES[scalar];
    const accumulator = nameIn(dialect, carried);
    const running = this.fresh("running");
    this.functor("Step", `void operator()(Lane& lanes, Running<${type}>& ${running}, ${this.elementType} ${element})`, () => {
      out.line(`const ${type} ${accumulator} = ${running}.value;`);
      this.statements(kernel.body, {
        leave: "return;",
        fail: "return;",
        yield: value => `${running}.next(${value});`,
        declared: (name, inside) => {
          if (name === first) inside.line(`if (${running}.empty()) return ${running}.next(${nameIn(dialect, name)});`);
        },
      });
    });
  }

  private fold(sink: Fold): void {
    const { out, dialect, shape } = this;
    const type = TYPES[sink.type];
    this.step(sink.type, sink.accumulator, sink.first);
    const seed = this.seedOf(sink);
    const [step, join] = [this.made("Step"), this.made("Join")];
    if (sink.combine === null) {
      return this.entry("", [], `fold<${this.in}, ${shape.unroll}>(source, base, length, state, stop, ${seed}, ${step});`, { threads: 1 });
    }
    const { left, right, body, value } = sink.combine;
    this.functor("Join", `${type} operator()(Lane& lanes, ${type} ${nameIn(dialect, left)}, ${type} ${nameIn(dialect, right)})`, () => {
      const misplaced = (): never => {
        throw new CompilerBug("joining two accumulators hands over no element");
      };
      this.statements(body, { leave: "return {};", fail: "return {};", yield: misplaced });
      out.line(`return ${printC(value, dialect)};`);
    });
    const values = `Running<${type}>*`;
    this.entry("", [`${values} blocks`], `fold_lanes<${this.in}, ${shape.unroll}>(source, base, length, blocks, state, stop, ${seed}, ${step}, ${join});`);
    this.entry("join", [`const ${values} values`, "u64 size", `${values} joined`], `fold_join(values, size, joined, state, stop, ${seed}, ${join});`, { source: false });
  }
}
