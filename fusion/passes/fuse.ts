/**
 * Fusion: the stages of a query become the body of one kernel, cut only where meaning needs all earlier results first.
 *
 * A map rebinds the element, a filter leaves the element's block, and the terminal decides what the sink does with what
 * arrives. Types are inferred stage by stage on the way, since a stage's element type is its predecessor's result.
 */
import { apply, convert, local, select, truth } from "../build.js";
import { validColumn } from "../columns.js";
import { CompilerBug, QueryError } from "../errors.js";
import { ELEMENT_LABEL, type Expr, type Kernel, type Scan, type Sink, type SinkOf, type Source, type Stmt } from "../ir.js";
import type { OpName } from "../ops.js";
import { fillOf, SINGLE, type CaptureType, type Columns, type LambdaInput, type PlannedKernel, type Plan, type SourceShape, type StageShape, type TableStep } from "../query.js";
import type { Span, SurfaceLambda } from "../parse/surface.js";
import { ELEMENTS, isBigType, storedAs, typeInWords, type ColumnType, type ElementType } from "../types.js";
import type { Row, TypedResult } from "./infer.js";
import { inferResult } from "./infer-lambda.js";
import { columnsFor, presentOf, there, withoutMissing } from "./nulls.js";
import { Names, Parameters } from "./parameters.js";
import { usesParameter } from "./reducers.js";
import { Rows, type Column } from "./rows.js";
import { elementValue, naturalElement, toElement, truthOf, wrapElement, type Integral, type Typed } from "./typing.js";

/** The wrap that a store into such an array does anyway. */
const WRAPS: Partial<Record<ElementType, OpName>> = { i8: "wrapI8", u8: "wrapU8", i16: "wrapI16", u16: "wrapU16" };

const NOWHERE: Span = { source: { text: "", label: "the query" }, start: 0, end: 0 };

/** Stages that compute; the others choose and move elements, and cut the kernel (see tables.ts). */
export type ComputingStage = Extract<StageShape, { kind: "map" | "filter" | "as" | "dropNulls" | "fillNulls" }>;

/** The kernel that is being fused, and the kernels before it. */
export class Fusion {
  private readonly done: PlannedKernel[] = [];
  private readonly integral: { stage: number; name: string; lambda: SurfaceLambda }[] = [];
  protected parameters = new Parameters(new Names());
  protected body: Stmt[] = [];
  protected stages: number[] = [];
  protected filtered = false;
  protected table = 0;
  protected readonly steps: TableStep[] = [];
  /** Whether the source is a table, and not a range. */
  protected ofTable: boolean;
  protected source: Source;
  /** The element, or the row, as the next stage sees it. */
  protected value: Typed | Rows;
  /** The element type of the sequence so far, unless it is one of rows. */
  protected type: ColumnType;
  /** The kernel ends with a scan, whose results are the sequence. */
  protected scanned: Scan | null = null;

  constructor(
    source: SourceShape,
    /** See `QueryShape`. */
    protected readonly inPieces: boolean,
  ) {
    this.source = source.kind === "array" ? { kind: "array", element: storedAs(source.element) } : { kind: "range" };
    this.ofTable = source.kind === "columns";
    this.type = source.kind === "array" ? source.element : "f64";
    this.value = source.kind === "columns" ? this.rowsOf(source.columns) : this.sourceValue();
  }

  private sourceValue(): Typed {
    const array = this.source.kind === "array";
    return elementValue({ kind: "element", type: array ? ELEMENTS[storedAs(this.type)].scalar : "f64" }, array ? this.type : "range", NOWHERE);
  }

  protected rowsOf(columns: Columns): Rows {
    return new Rows(columns, (name, element) => this.here(name, this.parameters.column(name, storedAs(element)), element));
  }

  /** A column's element, loaded; or the one so many places further on. */
  protected here(name: string, array: string, element: ColumnType, offset = 0): Typed {
    const column = { kind: "column", type: ELEMENTS[storedAs(element)].scalar, array, ...(offset === 0 ? {} : { offset }) } as const;
    return elementValue(this.declare(`${name}_here`, column), element, NOWHERE);
  }

  /**
   * Whether the last kernel ranks what arrives, for a terminal that gives a place, since a filter let only some elements through. A
   * kernel over a piece knows nothing of the pieces before: there the filter's results are numbered between two kernels.
   */
  ranks(verb: string): boolean {
    if (this.filtered && this.inPieces) this.cut(`${verb} gives a place among what a filter lets through, which is counted over all pieces`);
    return this.filtered;
  }

  /** The element of a sequence of single values. */
  get current(): Typed {
    if (this.value instanceof Rows) throw new QueryError("DC306", "rows have no value of their own", "Take one of their columns first: .map(row => row.price)");
    return this.value;
  }

  get element(): ColumnType {
    return this.type;
  }

  /** The columns of a sequence of rows; null for one of single values. */
  get columns(): Columns | null {
    return this.value instanceof Rows ? this.value.columns : null;
  }

  get kernelParameters(): Parameters {
    return this.parameters;
  }

  /** A stage that computes: it becomes part of the kernel. */
  protected compute(stage: ComputingStage, index: number): void {
    switch (stage.kind) {
      case "map": {
        const given = this.result(stage, index, "map");
        const result = stage.use === "keys" && !isRow(given) ? new Map(columnsFor("key", given)) : given;
        if (isRow(result)) this.becomeRows(result, stage.to instanceof Map ? stage.to : NO_COLUMNS, index, stage.lambda);
        else {
          if (stage.use === "aggregate" && result.missing !== undefined) this.keepIf(presentOf(result));
          const value = stage.use === "aggregate" ? withoutMissing(result) : there(result);
          this.become(value, this.resultType(value, stage.to), "map", index, stage.lambda);
        }
        break;
      }
      case "dropNulls":
      case "fillNulls":
        this.withoutNulls(stage, index);
        break;
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

  private withoutNulls(stage: ComputingStage & { readonly kind: "dropNulls" | "fillNulls" }, index: number): void {
    const { value: rows } = this;
    if (!(rows instanceof Rows)) throw new CompilerBug("single values have no nulls");
    const filled = new Map<string, Column>();
    stage.columns.forEach((name, at) => {
      const { element, value } = rows.column(name);
      const present = presentOf(rows.field(name));
      if (stage.kind === "dropNulls") return this.keepIf(present);
      const { type } = value.expr;
      const capture: Expr = { kind: "capture", type, name: this.parameters.scalar(index, fillOf(at + 1), type, stage.captures[fillOf(at + 1)] as CaptureType) };
      filled.set(name, { element, value: { ...value, expr: this.declare(`${name}_filled`, select(present, value.expr, capture)) } });
    });
    this.value = rows.with(filled, stage.columns.map(validColumn));
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
    return there(this.maybe(input, stage, verb, ...before));
  }

  /** The same for a lambda that may give null. */
  protected maybe(input: LambdaInput, stage: number, verb: string, ...before: readonly Typed[]): Typed {
    const result = this.result(input, stage, verb, ...before);
    if (isRow(result)) throw new CompilerBug(`${verb} is given a row`);
    return result;
  }

  protected result(input: LambdaInput, stage: number, verb: string, ...before: readonly Typed[]): TypedResult["result"] {
    this.placeFor(input.lambda, before.length + 1, verb);
    return this.inferred(input, stage, [...before, this.argument(input.lambda.parameters[before.length] ?? "element")]);
  }

  /** Calls a lambda with these values and the element's place. */
  protected inferred({ lambda, captures }: LambdaInput, stage: number, values: readonly (Typed | Row)[]): TypedResult["result"] {
    const place: Typed = { expr: { kind: "index", type: "f64" }, weak: false, integral: [], span: NOWHERE };
    this.parameters.big = this.bigType();
    const typed = inferResult(lambda, [...values, place], { captures, stage, parameters: this.parameters });
    this.body.push(...typed.body);
    return typed.result;
  }

  /** What BigInts among themselves are beside this element or these columns. */
  private bigType(): "i64" | "u64" {
    const types = this.columns === null ? [this.type] : [...this.columns.values()];
    return types.includes("u64") && !types.includes("i64") ? "u64" : "i64";
  }

  /** What a lambda's element parameter is. */
  private argument(name: string): Typed | Row {
    const { value } = this;
    return value instanceof Rows ? { column: column => value.field(column) } : this.named(name);
  }

  /** Cuts the kernel if a lambda reads the element's place (its parameter `index`) after a filter. */
  placeFor(lambda: SurfaceLambda, index: number, verb: string): void {
    if (this.filtered && usesParameter(lambda, index)) {
      this.cut(`${verb} uses the index after a filter: an element's place is known only once the filter has passed over all elements before it`);
    }
  }

  /** The same for lambdas that one kernel must run. */
  placeForAny(lambdas: readonly SurfaceLambda[], verb: string): void {
    const needing = lambdas.find(lambda => usesParameter(lambda, 1));
    if (needing !== undefined) this.placeFor(needing, 1, verb);
  }

  /** The element, in a local if it is not one already. */
  named(name: string): Typed {
    const value = this.current;
    const { expr } = value;
    if (expr.kind === "element" || expr.kind === "local" || expr.kind === "const") return value;
    return (this.value = { ...value, expr: this.declare(name, expr) });
  }

  declare(name: string, value: Expr): Expr {
    const unique = this.parameters.names.fresh(name);
    this.body.push({ kind: "declare", name: unique, type: value.type, value, mutable: false });
    return local(value.type, unique);
  }

  push(...stmts: readonly Stmt[]): void {
    this.body.push(...stmts);
  }

  /** What a map's result is stored as: what it says; a sequence keeps its type; of rows, the column's or the value's own. */
  protected resultType(result: Typed, to: ColumnType | Columns | null): ColumnType {
    if (typeof to === "string") return to;
    return this.value instanceof Rows ? this.ownElement(result) : this.keptType(result, this.type);
  }

  /** A sequence keeps its type, but where strings become others, or others strings. */
  protected keptType(result: Typed, type: ColumnType): ColumnType {
    return (result.string === true) === (type === "string") ? type : this.ownElement(result);
  }

  /** What an array must hold to keep a value as it is: the type of the element or column that it is, or the value's own. */
  protected ownElement(value: Typed): ColumnType {
    return this.unchanged(value) ?? naturalElement(value);
  }

  /** The type of the element, or of the column, that a value is; null if it is neither. */
  private unchanged(value: Typed): ColumnType | null {
    if (this.value instanceof Rows) return this.value.elementOf(value);
    return value.expr.kind === "element" || value.expr === this.value.expr ? this.type : null;
  }

  protected become(result: Typed, element: ColumnType, verb: string, stage: number, lambda: SurfaceLambda): void {
    this.value = this.stored(result, element, verb, stage, lambda);
    this.type = element;
  }

  protected becomeRows(fields: ReadonlyMap<string, Typed>, to: Columns, stage: number, lambda: SurfaceLambda): void {
    const known = new Map<string, Column>();
    for (const [name, field] of fields) {
      const unchanged = this.unchanged(field);
      const element = to.get(name) ?? unchanged ?? naturalElement(field);
      const value = unchanged === element ? field : this.stored(field, element, "map", stage, lambda);
      const { kind } = value.expr;
      known.set(name, { element, value: kind === "local" || kind === "const" || kind === "element" ? value : { ...value, expr: this.declare(name, value.expr) } });
    }
    const columns = new Map([...known].map(([name, { element }]) => [name, element]));
    this.value = new Rows(columns, name => (known.get(name) as Column).value);
  }

  /** A value as an array of such elements would give it back. */
  protected stored(result: Typed, element: ColumnType, verb: string, stage: number, lambda: SurfaceLambda): Typed {
    const expr = toElement(result, element, verb, this.parameters);
    if (!isBigType(expr.type)) this.mustBeWhole(result.integral, element, stage, lambda);
    return elementValue(wrapElement(expr, element), element, result.span);
  }

  /** The captured numbers that a result depends on must be whole, if it is stored as an integer. */
  protected mustBeWhole(integral: Integral, element: ColumnType, stage: number, lambda: SurfaceLambda): void {
    if (element === "string" || !ELEMENTS[element].integer || element === "u8c" || integral === false) return;
    for (const name of integral) this.integral.push({ stage, name, lambda });
  }

  private convertTo(to: ColumnType | Columns): void {
    const { value } = this;
    if (typeof to === "string") {
      this.value = converted(this.current, to);
      this.type = to;
    } else if (value instanceof Rows) {
      const columns = new Map([...value.columns].map(([name, element]) => [name, to.get(name) ?? element]));
      this.value = new Rows(columns, (name, element) => {
        const { value: column } = value.column(name);
        if (!to.has(name)) return column;
        const cast = converted(column, element);
        return { ...cast, expr: this.declare(name, cast.expr) };
      });
    } else throw new CompilerBug("single values have no columns");
  }

  /** Ends the kernel here: its results are stored, and a new kernel reads them. `beside`: more columns; `alone`: no others. */
  protected cut(reason: string, beside: ReadonlyMap<string, Column> = new Map(), alone = false): void {
    const { columns } = this;
    this.store(reason, beside, alone);
    this.table += 1;
    this.source = columns === null ? { kind: "array", element: storedAs(this.type) } : { kind: "range" };
    this.ofTable = columns !== null;
    this.parameters = new Parameters(new Names());
    this.body = [];
    this.stages = [];
    this.filtered = false;
    this.scanned = null;
    this.value = columns === null ? this.sourceValue() : this.rowsOf(columns);
  }

  /** What follows a scan reads its results. */
  endScan(): void {
    if (this.scanned !== null) this.cut("what follows a scan reads its results");
  }

  /** Ends a kernel that stores the sequence: one array, or one for each column. */
  private store(barrier: string | null, beside: ReadonlyMap<string, Column> = new Map(), alone = false): void {
    const { value, scanned } = this;
    if (scanned !== null) return this.finishKernel(scanned, barrier, null);
    if (!(value instanceof Rows) && beside.size === 0) return this.finishKernel(this.arraySink([{ value, element: this.type }]), barrier, null);
    const own = alone ? [] : value instanceof Rows ? [...value.columns.keys()].map(name => [name, value.settled(name)] as const) : [[SINGLE, { element: this.type, value }] as const];
    const columns = new Map([...own, ...beside]);
    this.finishKernel(this.arraySink([...columns.values()]), barrier, [...columns.keys()]);
  }

  /** Stores elements; a store truncates to the element's bits, so a wrap before it is dropped. */
  private arraySink(columns: readonly Column[]): Sink {
    const stored = ({ value: { expr }, element }: Column): Expr => (expr.kind === "apply" && expr.op === WRAPS[storedAs(element)] ? (expr.args[0] as Expr) : expr);
    this.yield(...columns.map(stored));
    const [only, ...more] = columns.map(({ element }): SinkOf<"array"> => ({ kind: "array", element: storedAs(element) }));
    if (only === undefined) throw new CompilerBug("a table has no column");
    return more.length === 0 ? only : { kind: "several", sinks: [only, ...more] };
  }

  /** The columns of all rows are loaded, so that the body so far can be used more than once. */
  protected load(): void {
    const { value } = this;
    if (value instanceof Rows) for (const name of value.columns.keys()) value.column(name);
    else this.named("element");
  }

  /** Ends the kernel with a search, of which a step keeps a part; the kernel behind it begins anew, as this one did. `test` pushes what only the search needs. */
  protected seek(what: "row" | "end", which: "first" | "last", barrier: string, test: () => void): void {
    this.load();
    const { body, value } = this;
    this.body = [...body];
    test();
    this.yield(truth(true));
    const sink: Sink = which === "first" ? { kind: "first", type: "bool", ranked: false } : { kind: "last", type: "bool" };
    this.finishKernel(sink, barrier, null, what);
    this.body = body;
    this.value = value;
    this.table += 1;
  }

  yield(...values: readonly Expr[]): void {
    this.body.push({ kind: "yield", values });
  }

  private finishKernel(sink: Sink, barrier: string | null, columns: readonly string[] | null, seeks?: "row" | "end"): void {
    const { scalars, arrays } = this.parameters;
    const kernel: Kernel = { source: this.source, scalars, arrays, body: this.body, sink };
    this.done.push({ kernel, stages: this.stages, barrier, table: this.table, columns, ...(seeks === undefined ? {} : { seeks }) });
  }

  /** The plan, when the terminal stores the sequence. */
  intoArray(): Omit<Plan, "finish"> {
    this.store(null);
    return this.plan();
  }

  /** The plan, when the terminal has written its yield and this is its sink. */
  into(sink: Sink): Omit<Plan, "finish"> {
    this.finishKernel(sink, null, null);
    return this.plan();
  }

  private plan(): Omit<Plan, "finish"> {
    return { kernels: this.done, steps: this.steps, element: this.columns === null ? this.type : null, integral: this.integral, rewritten: [] };
  }
}

export const NO_COLUMNS: Columns = new Map();

export const isRow = (result: TypedResult["result"]): result is ReadonlyMap<string, Typed> => result instanceof Map;

/** A value as a typed array of that kind would store it. */
function converted({ expr, string, span }: Typed, element: ColumnType): Typed {
  if (element === "string" || string === true) throw new QueryError("DC305", `as(${typeInWords(element)}) cannot take strings`, "Say in a map what a string becomes: .map(r => ({ late: r.status === \"late\" ? 1 : 0 }))");
  const target = ELEMENTS[element].scalar;
  if (isBigType(target) && (expr.type === "f32" || expr.type === "f64")) {
    throw new QueryError("DC305", `as(${ELEMENTS[element].array}) cannot take fractions`, "Convert in a map that says how to round: .map(x => BigInt(Math.trunc(x)), BigInt64Array)");
  }
  const value = element === "u8c" ? apply("clampU8", convert("f64", expr)) : convert(target, expr);
  return elementValue(wrapElement(value, element), element, span);
}
