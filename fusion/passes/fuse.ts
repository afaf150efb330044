/**
 * Fusion: the stages of a query become the body of one kernel, cut only where meaning needs all earlier results first.
 *
 * A map rebinds the element, a filter leaves the element's block, and the terminal decides what the sink does with what
 * arrives. Types are inferred stage by stage on the way, since a stage's element type is its predecessor's result.
 */
import { apply, convert, local } from "../build.js";
import { QueryError } from "../errors.js";
import { ELEMENT_LABEL, type Expr, type Kernel, type Sink, type Source, type Stmt } from "../ir.js";
import type { OpName } from "../ops.js";
import type { LambdaInput, PlannedKernel, Plan, StageShape } from "../query.js";
import type { Span, SurfaceLambda } from "../parse/surface.js";
import { ELEMENTS, isBigType, type ElementType } from "../types.js";
import { inferLambda } from "./infer.js";
import { Names, Parameters } from "./parameters.js";
import { usesParameter } from "./reducers.js";
import { elementValue, toElement, truthOf, wrapElement, type Typed } from "./typing.js";

/** The wrap that a store into such an array does anyway. */
const WRAPS: Partial<Record<ElementType, OpName>> = { i8: "wrapI8", u8: "wrapU8", i16: "wrapI16", u16: "wrapU16" };

const NOWHERE: Span = { source: { text: "", label: "the query" }, start: 0, end: 0 };

/** The kernel that is being fused, and the kernels before it. */
export class Fusion {
  private readonly done: PlannedKernel[] = [];
  private readonly integral: { stage: number; name: string; lambda: SurfaceLambda }[] = [];
  private parameters = new Parameters(new Names());
  private body: Stmt[] = [];
  private stages: number[] = [];
  private filtered = false;
  /** The element as the next stage sees it. */
  private value: Typed;

  constructor(
    private source: Source,
    /** The element type of the sequence so far. */
    public element: ElementType,
  ) {
    this.value = this.sourceValue();
  }

  private sourceValue(): Typed {
    const { source } = this;
    const type = source.kind === "array" ? ELEMENTS[source.element].scalar : "f64";
    return elementValue({ kind: "element", type }, source.kind === "array" ? source.element : "range", NOWHERE);
  }

  get isFiltered(): boolean {
    return this.filtered;
  }

  get current(): Typed {
    return this.value;
  }

  get kernelParameters(): Parameters {
    return this.parameters;
  }

  stage(stage: StageShape, index: number): void {
    switch (stage.kind) {
      case "map": {
        const result = this.call(stage, index, "map");
        this.become(result, stage.to ?? this.element, "map", index, stage.lambda);
        break;
      }
      case "filter": {
        const test = truthOf(this.call(stage, index, "filter"));
        this.keepIf(test);
        break;
      }
      case "as":
        this.convertTo(stage.to);
        break;
      default:
        stage satisfies never;
    }
    this.stages.push(index);
  }

  /** Elements for which the test fails yield nothing. */
  keepIf(test: Expr): void {
    this.body.push({ kind: "if", test: apply("not", test), then: [{ kind: "leave", label: ELEMENT_LABEL }], otherwise: [] });
    this.filtered = true;
  }

  /**
   * Calls a stage's lambda on the element (after `before`, values for the parameters in front of it) and its place. Where the
   * place is only known once all earlier elements have been filtered, the kernel is cut.
   */
  call(input: LambdaInput, stage: number, verb: string, ...before: readonly Typed[]): Typed {
    this.placeFor(input.lambda, before.length + 1, verb);
    const element = this.named(input.lambda.parameters[before.length] ?? "element");
    const place: Typed = { expr: { kind: "index", type: "f64" }, weak: false, integral: [], span: NOWHERE };
    const { lambda, captures } = input;
    this.parameters.big = this.element === "u64" ? "u64" : "i64";
    const typed = inferLambda(lambda, [...before, element, place], { captures, stage, parameters: this.parameters });
    this.body.push(...typed.body);
    return typed.result;
  }

  /** Cuts the kernel if a lambda reads the element's place (its parameter `index`) after a filter. */
  placeFor(lambda: SurfaceLambda, index: number, verb: string): void {
    if (this.filtered && usesParameter(lambda, index)) {
      this.cut(`${verb} uses the index after a filter: an element's place is known only once the filter has passed over all elements before it`);
    }
  }

  /** The element, in a local if it is not one already. */
  named(name: string): Typed {
    const { expr } = this.value;
    if (expr.kind !== "element" && expr.kind !== "local" && expr.kind !== "const") {
      this.value = { ...this.value, expr: this.declare(name, expr) };
    }
    return this.value;
  }

  declare(name: string, value: Expr): Expr {
    const unique = this.parameters.names.fresh(name);
    this.body.push({ kind: "declare", name: unique, type: value.type, value, mutable: false });
    return local(value.type, unique);
  }

  push(...stmts: readonly Stmt[]): void {
    this.body.push(...stmts);
  }

  private become(result: Typed, element: ElementType, verb: string, stage: number, lambda: SurfaceLambda): void {
    const expr = toElement(result, element, verb, this.parameters);
    if (ELEMENTS[element].integer && element !== "u8c" && result.integral !== false && !isBigType(expr.type)) {
      for (const name of result.integral) this.integral.push({ stage, name, lambda });
    }
    this.element = element;
    this.value = elementValue(wrapElement(expr, element), element, result.span);
  }

  private convertTo(element: ElementType): void {
    const { expr } = this.value;
    const target = ELEMENTS[element].scalar;
    if (isBigType(target) && (expr.type === "f32" || expr.type === "f64")) {
      throw new QueryError("DC305", `as(${ELEMENTS[element].array}) cannot take fractions`, "Convert in a map that says how to round: .map(x => BigInt(Math.trunc(x)), BigInt64Array)");
    }
    const converted = element === "u8c" ? apply("clampU8", convert("f64", expr)) : convert(target, expr);
    this.element = element;
    this.value = elementValue(wrapElement(converted, element), element, this.value.span);
  }

  /** Ends the kernel here: its results are stored, and a new kernel reads them. */
  private cut(reason: string): void {
    this.finishKernel(this.arraySink(), reason);
    this.source = { kind: "array", element: this.element };
    this.parameters = new Parameters(new Names());
    this.body = [];
    this.stages = [];
    this.filtered = false;
    this.value = this.sourceValue();
  }

  /** Stores the elements; a store truncates to the element's bits, so a wrap before it is dropped. */
  private arraySink(): Sink {
    const { expr } = this.value;
    const wraps = expr.kind === "apply" && expr.op === WRAPS[this.element];
    this.yield(wraps ? (expr.args[0] as Expr) : expr);
    return { kind: "array", element: this.element };
  }

  yield(value: Expr | null): void {
    this.body.push({ kind: "yield", value });
  }

  private finishKernel(sink: Sink, barrier: string | null): void {
    const { scalars, arrays } = this.parameters;
    const kernel: Kernel = { source: this.source, scalars, arrays, body: this.body, sink };
    this.done.push({ kernel, stages: this.stages, barrier });
  }

  /** The plan, when the terminal stores the sequence. */
  intoArray(): Omit<Plan, "finish"> {
    return this.into(this.arraySink());
  }

  /** The plan, when the terminal has written its yield and this is its sink. */
  into(sink: Sink): Omit<Plan, "finish"> {
    this.finishKernel(sink, null);
    return { kernels: this.done, element: this.element, integral: this.integral };
  }
}
