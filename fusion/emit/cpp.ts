/** A kernel as C++: its body, and one instantiation of a loop of native/rt. */
import { CompilerBug } from "../errors.js";
import { within } from "../interval.js";
import type { Fold, Kernel, ReduceOp, ScalarParameter, Scan, Sink, SinkOf, Stores } from "../ir.js";
import { lower } from "../passes/lower.js";
import { Ranges } from "../passes/ranges.js";
import { alwaysYields, declaredIn, hasEffects, hasLoops, isUniform, namesOf, sinksOf, storedElement, walkKernel } from "../traverse.js";
import { BLOCK, ELEMENTS, type ElementType, type ScalarType } from "../types.js";
import { verify } from "../verify.js";
import { C_ELEMENTS, cScalar, nameIn, PRECEDENCE, primary, type Dialect } from "./dialect.js";
import { columnsOf } from "./columns.js";
import { printC } from "./expr.js";
import { LaneWriter } from "./cpp-lanes.js";
import { ScalarWriter, type ScalarEnds } from "./cpp-scalar.js";
import { sizeOf } from "./size.js";
import { variantsOf } from "./variants.js";
import { saturatingIn, withoutTruthConversions, wordsOf, type WordType } from "./words.js";
import { Writer } from "./writer.js";

export { cppPrelude, cppPreludeOf } from "./cpp-prelude.js";

export interface CppOptions {
  /** The name of the exported function. */
  readonly symbol: string;
  /** Put above the kernel as line comments. */
  readonly comment?: string;
}

/** With more locals than these, four registers for each are more than there are. */
const MANY_LOCALS = 8;

/** Up to these sizes, bodies with elementary functions have so many registers side by side; larger ones take long to compile. */
const SIDE_BY_SIDE = { four: 100, two: 256 } as const;

const OPERATORS = { add: "Add", mul: "Mul", min: "Min", max: "Max", and: "And", or: "Or", xor: "Xor" } as const satisfies Record<ReduceOp, string>;

const TYPES = { bool: "mask", i32: "i32", u32: "u32", i64: "i64", u64: "u64", f32: "f32", f64: "f64" } as const satisfies Record<ScalarType, string>;

/** The namespaces of narrow lanes. */
const WORD_LANES = { i8: "bytes", u8: "unsigned_bytes", i16: "words", u16: "unsigned_words" } as const satisfies Record<WordType, string>;

/** What emitted code calls by name, and so nothing else may be called. */
const RESERVED = new Set([
  ..."Add Mul Min Max And Or Xor Array As Block Call Forest Group Lanes LANES BLOCK WIDTH G Mask Nothing Outputs Pack Places Range Reduction Running Scalar Shape Source Status Tree Unread Values Yielded".split(" "),
  ..."any all call count filter first fold last lanes map mask reduce scan scan_left shape space stored total body dotcompute".split(" "),
  ...Object.values(TYPES),
]);

/**
 * C++ where the source element is called `element`: on packs, or with one lane on scalars. `narrow`: what is saturating in narrow lanes.
 * `inside`: what says that all columns reach far enough.
 */
export const cppDialect = (element: string, oneLane = false, narrow: Dialect["saturating"] | null = null, inside: string | null = null): Dialect => ({
  name: "C++",
  isScalar: oneLane ? () => true : isUniform,
  reserved: RESERVED,
  element: primary(element),
  index: { text: "lanes.index()", precedence: PRECEDENCE.postfix },
  length: array => ({ text: `${array}.size()`, precedence: PRECEDENCE.postfix }),
  axis: axis => ({ text: axis === 1 ? "lanes.row" : "lanes.layer", precedence: PRECEDENCE.postfix }),
  column: (array, offset) => ({ text: `lanes.here(${[array, ...(inside === null ? (offset === 0 ? [] : [offset]) : [offset, inside])].join(", ")})`, precedence: PRECEDENCE.postfix }),
  ...(oneLane ? {} : { thresholds: true }),
  ...(narrow === null ? { select: { call: "rt_select" } } : { select: { call: "rt_select", plain: TYPES.i32 }, saturating: narrow }),
  types: TYPES,
});

/**
 * The kernel, verified, as a function `symbol` of type `dotcompute::Entry`, in a namespace of its own, with variants of it for what
 * captured numbers mostly are. Comes after `cppPrelude`.
 */
export function emitCpp(kernel: Kernel, { symbol, comment }: CppOptions): string {
  const lowered = lower(kernel);
  if (lowered !== kernel) verify(lowered, "lower");
  const variants = variantsOf(lowered).map((variant, place) => ({ variant: verify(variant, "variants"), name: `variant_${place}` }));
  const out = new Writer();
  const write = (one: Kernel, signature: string, before: readonly string[] = []): void => new KernelWriter(one, lowered !== kernel, out).write(signature, before);
  if (comment !== undefined) for (const line of comment.split("\n")) out.line(`// ${line}`.trimEnd());
  out.line(`namespace kernel_${symbol} {`);
  out.line("using namespace dotcompute::rt;");
  for (const { variant, name } of variants) {
    out.line(`namespace ${name} {`);
    write(variant, "static Status run(Call* call)");
    out.line(`}  // namespace ${name}`);
  }
  write(lowered, `extern "C" RT_KERNEL Status RT_ENTRY(${symbol})(Call* call)`, variants.map(({ variant, name }) => `if (${assumptionOf(variant)}) return ${name}::run(call);`));
  out.line(`}  // namespace kernel_${symbol}`);
  out.line();
  return out.toString();
}

class KernelWriter {
  private readonly kernel: Kernel;
  /** Lanes of 8 or 16 bits instead of 32. */
  private readonly words: WordType | null;
  private readonly names: Set<string>;
  private readonly dialect: Dialect;
  private readonly element: string;
  /** One test for all columns, where there are several reads of them. */
  private readonly inside: { readonly name: string; readonly test: string } | null;

  constructor(
    kernel: Kernel,
    private readonly elementary: boolean,
    private readonly out: Writer,
  ) {
    const chosen = withoutTruthConversions(kernel);
    this.words = wordsOf(chosen);
    this.kernel = this.words === null ? kernel : chosen;
    const plain = cppDialect("x");
    this.names = new Set([...namesOf(kernel)].map(name => nameIn(plain, name)));
    this.element = this.names.has("x") ? this.fresh("element") : "x";
    const columns = runsAlone(kernel.sink) || kernel.sink.kind === "stores" ? [] : columnsOf(this.kernel);
    const test = columns.map(({ array, offset }) => `lanes.reaches(${[nameIn(plain, array), ...(offset === 0 ? [] : [offset])].join(", ")})`).join(" && ");
    this.inside = columns.length > 0 ? { name: this.fresh("inside"), test } : null;
    this.dialect = cppDialect(this.element, runsAlone(kernel.sink), this.words === null ? null : saturatingIn(this.kernel, this.words), this.inside?.name);
  }

  /** The function, which begins with the lines `before`. */
  write(signature: string, before: readonly string[]): void {
    const { out } = this;
    out.line(`using namespace dotcompute::rt::${this.lanes()};`);
    out.line();
    out.braces(signature, () => {
      for (const line of before) out.line(line);
      this.parameters();
      this.loop();
    });
    out.line();
  }

  /** A name like `base` that nothing else has. */
  private fresh(base: string): string {
    let name = base;
    for (let n = 2; this.names.has(name) || RESERVED.has(name); n++) name = `${base}_${n}`;
    this.names.add(name);
    return name;
  }

  /** How many lanes: one; as many as a register holds of 64 bits; or, as soon as 32-bit types take part, of 32 bits. */
  private lanes(): "lanes1" | "lanes16" | "lanes32" | "lanes32x2" | "lanes64" | "lanes64x2" | "lanes64x4" | (typeof WORD_LANES)[WordType] {
    const { body, sink } = this.kernel;
    if (this.words !== null) return WORD_LANES[this.words];
    if (runsAlone(sink)) return "lanes1";
    // Turns of a loop wait for one another: with more lanes there is something to do meanwhile, while registers last.
    if (hasLoops(body)) return declaredIn(body).size <= MANY_LOCALS ? "lanes16" : "lanes32";
    const narrow = typesIn(this.kernel).some(type => type === "f32" || type === "i32" || type === "u32");
    const size = this.elementary ? sizeOf(body) : Infinity;
    if (narrow) return size <= SIDE_BY_SIDE.four ? "lanes32x2" : "lanes32";
    return size <= SIDE_BY_SIDE.four ? "lanes64x4" : size <= SIDE_BY_SIDE.two ? "lanes64x2" : "lanes64";
  }

  private parameters(): void {
    const { kernel, out } = this;
    kernel.scalars.forEach((scalar, place) => {
      out.line(`const ${cScalar(scalar.type)} ${nameIn(this.dialect, scalar.name)} = ${argument(scalar, place)};`);
    });
    kernel.arrays.forEach((array, place) => {
      out.line(`const Array<${this.elementOf(array.element)}> ${nameIn(this.dialect, array.name)}(call->arrays[${place}]);`);
    });
    if (kernel.scalars.length + kernel.arrays.length > 0) out.line();
  }

  private loop(): void {
    const { kernel, out } = this;
    const { sink } = kernel;
    if (sink.kind === "fold") return this.fold(sink);
    if (sink.kind === "stores") return this.space(sink);
    if (sink.kind === "scan") this.stored(sink);
    if (sink.kind === "scan" && sink.order.kind === "left") return this.leftScan(sink, sink.order.first);
    out.line(`constexpr Shape shape{${this.shape()}};`);
    const { call, value, before = "", behind = "" } = this.loopOf(sink, this.source());
    out.braces(
      `return ${call}(call, ${before}[=](Lanes& lanes, ${this.elementType()} ${this.element}) RT_BODY -> ${value}`,
      () => {
        if (this.inside !== null) out.line(`const bool ${this.inside.name} = ${this.inside.test};`);
        new LaneWriter(kernel, this.dialect, base => this.fresh(base)).body(out);
      },
      `}${behind});`,
    );
  }

  private source(): string {
    const { source } = this.kernel;
    if (source.kind !== "array") return this.words === null ? "Range" : "Unread";
    return this.elementOf(source.element);
  }

  /** An element of an array, and what lanes it is loaded into where these are no usual ones. */
  private elementOf(element: ElementType): string {
    const name = C_ELEMENTS[element];
    return this.words === null ? name : `As<${name}, ${C_ELEMENTS[this.words]}>`;
  }

  /** The loop's name, what its body gives, and its arguments before and behind the body. */
  private loopOf(sink: Exclude<Sink, Fold | Stores>, source: string): { readonly call: string; readonly value: string; readonly before?: string; readonly behind?: string } {
    switch (sink.kind) {
      case "array":
        return {
          call: `${this.arrayLoop()}<G, ${source}, shape, ${this.elementOf(sink.element)}>`,
          value: TYPES[ELEMENTS[sink.element].scalar],
        };
      case "reduce":
        return { call: `${this.reducingLoop()}<G, ${source}, shape, ${this.reduction(sink, 0)}>`, value: TYPES[sink.term] };
      case "scan": {
        const { order, type } = sink;
        if (order.kind === "left") throw new CompilerBug("an ordered scan has no lanes");
        const seed = sink.seed === null ? `${OPERATORS[order.op]}::identity<${cScalar(type)}>` : nameIn(this.dialect, sink.seed);
        return {
          call: `scan<G, ${OPERATORS[order.op]}, ${source}, ${cScalar(order.term)}, ${cScalar(type)}, ${C_ELEMENTS[sink.element]}, ${String(sink.exclusive)}, shape>`,
          value: TYPES[order.term],
          before: `${seed}, `,
          behind: ", stored",
        };
      }
      case "count":
        return { call: `count<G, ${source}, shape>`, value: "Nothing" };
      case "first":
      case "last":
        return { call: `${sink.kind}<G, ${source}, ${this.laneOf(sink.type)}, shape>`, value: TYPES[sink.type] };
      case "several": {
        const results = sink.sinks.map((single, place) => (single.kind === "array" ? this.elementOf(single.element) : this.reduction(single, place)));
        const values = sink.sinks.map(single => TYPES[single.kind === "array" ? ELEMENTS[single.element].scalar : single.term]);
        const loop = sink.sinks[0]?.kind === "array" ? this.arrayLoop() : this.reducingLoop();
        return { call: `${loop}<G, ${source}, shape, ${results.join(", ")}>`, value: `Yielded<${values.join(", ")}>` };
      }
      default:
        return sink satisfies never;
    }
  }

  /** A reduction of what is yielded at a place. Sums of small integers need no 64 bits within a block. */
  private reduction({ op, term, type }: SinkOf<"reduce">, place: number): string {
    const last = this.kernel.body.at(-1);
    if (this.words !== null) return `Reduction<${OPERATORS[op]}, ${this.laneOf(term)}, ${cScalar(type)}>`;
    const value = last?.kind === "yield" ? last.values[place] : undefined;
    const small = type === "i64" && term === "i32" && value !== undefined && within(new Ranges(this.kernel).of(value), -SUMMED, SUMMED);
    return `Reduction<${OPERATORS[op]}, ${cScalar(term)}, ${cScalar(type)}${small ? ", int" : ""}>`;
  }

  /** The type of a lane that holds such values. */
  private laneOf(type: ScalarType): string {
    return this.words !== null && type === "i32" ? C_ELEMENTS[this.words] : cScalar(type);
  }

  /** Integers in narrow lanes are folded in any order. */
  private reducingLoop(): "reduce" | "total" {
    return this.words === null ? "reduce" : "total";
  }

  private arrayLoop(): "filter" | "map" {
    return alwaysYields(this.kernel) ? "map" : "filter";
  }

  private shape(): string {
    const { kernel } = this;
    const { body, sink } = kernel;
    const facts: string[] = [];
    if (!alwaysYields(kernel)) facts.push(".filtered = true");
    if (hasEffects(body) || hasLoops(body)) facts.push(".fallible = true");
    if (sinksOf(sink).some(single => single.kind === "reduce" && single.counted)) facts.push(".counted = true");
    if (sink.kind === "first" && sink.ranked) facts.push(".ranked = true");
    facts.push(`.size = ${sizeOf(body)}`);
    return facts.join(", ");
  }

  private elementType(): string {
    const { source } = this.kernel;
    if (source.kind !== "array") return this.words === null ? TYPES.f64 : "Unread";
    return TYPES[ELEMENTS[source.element].scalar];
  }

  /** A body that stores, for lanes or, in order, for one place after the other. */
  private space({ order }: Stores): void {
    const { kernel, out, dialect } = this;
    const { source } = kernel;
    const lanes = order === "any" ? "G" : "1";
    const [width, height = "1"] = source.kind === "space" ? source.sizes.map(size => nameIn(dialect, size)) : [];
    const sizes = width === undefined ? "" : `${width}, ${source.kind === "space" && source.sizes.length === 1 ? "0x1p52" : height}, `;
    out.line(`constexpr Shape shape{${this.shape()}};`);
    const head = `return space<${lanes}, shape>(call, ${sizes}[=](Places<${lanes}>& lanes) RT_BODY`;
    if (order === "any") return out.braces(`${head} -> Nothing`, () => new LaneWriter(kernel, dialect, base => this.fresh(base)).body(out), "});");
    const misplaced = (): never => {
      throw new CompilerBug("a body that stores yields nothing");
    };
    out.braces(head, () => this.writer({ leave: "return;", fail: "return;", yield: misplaced }).statements(kernel.body, out), "});");
  }

  /** What a scan stores of an accumulator. */
  private stored({ running, type, stored, element }: Scan): void {
    const signature = `const auto stored = [=](${TYPES[type]} ${nameIn(this.dialect, running)}) RT_BODY -> ${TYPES[ELEMENTS[element].scalar]}`;
    this.out.braces(signature, () => this.out.line(`return ${printC(stored, this.dialect)};`), "};");
  }

  private leftScan(sink: Scan, first: string | null): void {
    this.step(sink.type, sink.running, first);
    this.out.line(`return scan_left<${this.source()}, ${C_ELEMENTS[sink.element]}, ${String(sink.exclusive)}>(call, ${this.seedOf(sink)}, step, stored);`);
  }

  private seedOf({ seed, type }: Fold | Scan): string {
    return seed === null ? `${TYPES[type]}()` : nameIn(this.dialect, seed);
  }

  private writer(ends: ScalarEnds): ScalarWriter {
    return new ScalarWriter(this.dialect, base => this.fresh(base), ends);
  }

  /** A step of a left fold. */
  private step(scalar: ScalarType, accumulator: string, first: string | null): void {
    const { kernel, out, dialect } = this;
    const type = TYPES[scalar];
    const running = this.fresh("running");
    out.braces(
      `const auto step = [=](Lanes& lanes, Running<${type}>& ${running}, ${this.elementType()} ${this.element}) RT_BODY`,
      () => {
        out.line(`const ${type} ${nameIn(dialect, accumulator)} = ${running}.value;`);
        this.writer({
          leave: "return;",
          fail: "return;",
          yield: value => `${running}.next(${value});`,
          declared: (name, inside) => {
            if (name === first) inside.line(`if (${running}.empty()) return ${running}.next(${nameIn(dialect, name)});`);
          },
        }).statements(kernel.body, out);
      },
      "};",
    );
  }

  private fold(sink: Fold): void {
    const { out, dialect } = this;
    const type = TYPES[sink.type];
    const source = this.source();
    this.step(sink.type, sink.accumulator, sink.first);
    const seed = this.seedOf(sink);
    const { combine } = sink;
    if (combine === null) return out.line(`return fold<${source}>(call, ${seed}, step);`);
    out.braces(
      `const auto join = [=](Lanes& lanes, ${type} ${nameIn(dialect, combine.left)}, ${type} ${nameIn(dialect, combine.right)}) RT_BODY -> ${type}`,
      () => {
        const misplaced = (): never => {
          throw new CompilerBug("joining two accumulators hands over no element");
        };
        this.writer({ leave: "return {};", fail: "return {};", yield: misplaced }).statements(combine.body, out);
        out.line(`return ${printC(combine.value, dialect)};`);
      },
      "};",
    );
    out.line(`return fold_lanes<${source}>(call, ${seed}, step, join);`);
  }
}

/** A block of integers of this size has a sum of 32 bits. */
const SUMMED = 2 ** 31 / BLOCK - 1;

/** Whether the captured numbers of a call are what a variant takes them for. */
const assumptionOf = ({ scalars }: Kernel): string =>
  scalars.flatMap(({ range }, place) => (range === undefined ? [] : [`is_whole(call->scalars[${place}].f64, ${range.low}, ${range.high})`])).join(" && ");

/** The parameter's value in the call. */
function argument(scalar: ScalarParameter, place: number): string {
  const value = `call->scalars[${place}]`;
  if (scalar.range !== undefined) return `int(${value}.f64)`;
  switch (scalar.type) {
    case "bool":
      return `${value}.i32 != 0`;
    case "i32":
    case "f32":
    case "f64":
      return `${value}.${scalar.type}`;
    case "u32":
    case "i64":
    case "u64":
      return `${value}.${scalar.type}_`;
    default:
      return scalar.type satisfies never;
  }
}

/** Whether elements run one by one: each may need what came of those before. */
const runsAlone = (sink: Sink): boolean => sink.kind === "fold" || (sink.kind === "scan" && sink.order.kind === "left") || (sink.kind === "stores" && sink.order === "ascending");

/** Every type that lanes hold. */
function typesIn(kernel: Kernel): readonly ScalarType[] {
  const types = new Set<ScalarType>();
  walkKernel(kernel, { expr: expr => types.add(expr.type) });
  const { source, sink } = kernel;
  if (source.kind === "array") types.add(ELEMENTS[source.element].scalar);
  for (const single of sinksOf(sink)) {
    const stored = storedElement(single);
    if (stored !== null) types.add(ELEMENTS[stored].scalar);
    if (single.kind === "scan") types.add(single.type);
    if (single.kind === "reduce") types.add(single.term).add(single.type);
    if (single.kind === "first" || single.kind === "last") types.add(single.type);
  }
  return [...types];
}
