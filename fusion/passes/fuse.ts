/**
 * Fusion: the stages of a query become the body of one kernel, cut only where meaning needs all earlier results first.
 *
 * A map rebinds the element, a filter leaves the element's block, and the terminal decides what the sink does with what
 * arrives. Types are inferred stage by stage on the way, since a stage's element type is its predecessor's result.
 */
import { apply, convert, local } from "../build.js";
import { CompilerBug, QueryError } from "../errors.js";
import { ELEMENT_LABEL, type Expr, type Kernel, type Sink, type Source, type Stmt } from "../ir.js";
import type { OpName } from "../ops.js";
import { keyColumn, SINGLE, type Aggregate, type Columns, type GroupColumn, type LambdaInput, rightColumn, type PlannedKernel, type Plan, type SequenceShape, type SourceShape, valueColumn, type StageShape, type TableStep } from "../query.js";
import type { Span, SurfaceLambda } from "../parse/surface.js";
import { ELEMENTS, isBigType, type ElementType } from "../types.js";
import { inferResult, type Row, type TypedResult } from "./infer.js";
import { Names, Parameters } from "./parameters.js";
import { usesParameter } from "./reducers.js";
import { Rows, type Column } from "./rows.js";
import { mentions } from "../traverse.js";
import { elementValue, naturalElement, toElement, truthOf, wrapElement, type Typed } from "./typing.js";

/** The wrap that a store into such an array does anyway. */
const WRAPS: Partial<Record<ElementType, OpName>> = { i8: "wrapI8", u8: "wrapU8", i16: "wrapI16", u16: "wrapU16" };

const NOWHERE: Span = { source: { text: "", label: "the query" }, start: 0, end: 0 };

interface SortKey {
  readonly column: string;
  readonly descending: boolean;
  readonly typed: Typed;
  readonly element: ElementType;
}

/** The kernel that is being fused, and the kernels before it. */
export class Fusion {
  private readonly done: PlannedKernel[] = [];
  private readonly integral: { stage: number; name: string; lambda: SurfaceLambda }[] = [];
  private parameters = new Parameters(new Names());
  private body: Stmt[] = [];
  private stages: number[] = [];
  private filtered = false;
  private table = 0;
  private readonly steps: TableStep[] = [];
  /** Sorts that have not ended: more keys may follow. */
  private sorting: { readonly keys: readonly SortKey[]; readonly stages: readonly number[] } | null = null;
  /** Whether the source is a table, and not a range. */
  private ofTable: boolean;
  private source: Source;
  /** The element, or the row, as the next stage sees it. */
  private value: Typed | Rows;
  /** The element type of the sequence so far, unless it is one of rows. */
  private type: ElementType;

  constructor(source: SourceShape) {
    this.source = source.kind === "columns" ? { kind: "range" } : source;
    this.ofTable = source.kind === "columns";
    this.type = source.kind === "array" ? source.element : "f64";
    this.value = source.kind === "columns" ? this.rowsOf(source.columns) : this.sourceValue();
  }

  private sourceValue(): Typed {
    const { source } = this;
    const type = source.kind === "array" ? ELEMENTS[source.element].scalar : "f64";
    return elementValue({ kind: "element", type }, source.kind === "array" ? source.element : "range", NOWHERE);
  }

  private rowsOf(columns: Columns): Rows {
    return new Rows(columns, (name, element) => {
      const { scalar } = ELEMENTS[element];
      const array = this.parameters.column(name, element);
      return elementValue(this.declare(`${name}_here`, { kind: "column", type: scalar, array }), element, NOWHERE);
    });
  }

  get isFiltered(): boolean {
    return this.filtered;
  }

  /** The element of a sequence of single values. */
  get current(): Typed {
    if (this.value instanceof Rows) throw new QueryError("DC306", "rows have no value of their own", "Take one of their columns first: .map(row => row.price)");
    return this.value;
  }

  get element(): ElementType {
    return this.type;
  }

  /** The columns of a sequence of rows; null for one of single values. */
  get columns(): Columns | null {
    return this.value instanceof Rows ? this.value.columns : null;
  }

  get kernelParameters(): Parameters {
    return this.parameters;
  }

  stage(stage: StageShape, index: number): void {
    switch (stage.kind) {
      case "map": {
        const result = this.result(stage, index, "map");
        if (isRow(result)) this.becomeRows(result, stage.to instanceof Map ? stage.to : NO_COLUMNS, index, stage.lambda);
        else this.become(result, this.resultType(result, stage.to), "map", index, stage.lambda);
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
      case "slice":
        this.slice(stage.from, index);
        return;
      case "reverse":
      case "distinct":
      case "concat":
        this.cut(`${stage.kind} needs all elements first`);
        this.steps.push({ kind: stage.kind, table: this.table, stages: [index] });
        return;
      case "pair":
        this.pair(stage, index);
        return;
      case "match": {
        const keys = this.keysOf(stage, index, stage.keep ? "semiJoin" : "antiJoin");
        this.cut("a join needs all elements first", keys);
        this.steps.push({ kind: "match", table: this.table, stages: [index], keys: [...keys.keys()], keep: stage.keep });
        return;
      }
      case "sort":
        this.sort(stage, index);
        return;
      case "group":
        this.group(stage, index);
        return;
      default:
        stage satisfies never;
    }
    this.stages.push(index);
  }

  /** Places of a table can be left out before its kernels run, as long as nothing has been filtered and no number of a place has been used. */
  private slice(from: boolean, index: number): void {
    const fixed = this.filtered ? "a filter" : from && this.usesPlaces ? "a lambda that uses the index" : from && this.isRange ? "a range" : null;
    if (fixed !== null) this.cut(`a slice behind ${fixed} takes from its results`);
    this.steps.push({ kind: "slice", table: this.table, stages: [index] });
  }

  private get usesPlaces(): boolean {
    return mentions(this.body, "index") || (!(this.value instanceof Rows) && mentions(this.value.expr, "index"));
  }

  /** The places themselves are the elements. */
  private get isRange(): boolean {
    return this.source.kind === "range" && !this.ofTable;
  }

  /** Keys are computed beside the elements; a `then` adds one to those of the sort before. */
  private sort(stage: StageShape & { readonly kind: "sort" }, index: number): void {
    const last = this.sorting;
    if (stage.then && last === null) throw new CompilerBug("thenBy does not follow a sort");
    const keys = stage.then && last !== null ? last.keys : [];
    const stages = stage.then && last !== null ? last.stages : [];
    const value = this.call(stage, index, stage.then ? "thenBy" : "orderBy");
    const element = naturalElement(value);
    const key = { column: keyColumn(keys.length + 1), descending: stage.descending, typed: elementValue(toElement(value, element, "orderBy", this.parameters), element, value.span), element };
    this.sorting = { keys: [...keys, key], stages: [...stages, index] };
  }

  /** Ends a run of sorts, once a stage that is no `then` follows, or the terminal. */
  settle(next: StageShape | null): void {
    const { sorting } = this;
    if (sorting === null || (next?.kind === "sort" && next.then)) return;
    this.sorting = null;
    this.cut("a sort needs all elements first", new Map(sorting.keys.map(({ column, typed, element }) => [column, { element, value: typed }])));
    this.steps.push({ kind: "sort", table: this.table, stages: sorting.stages, keys: sorting.keys.map(({ column, descending }) => ({ column, descending })) });
  }

  /** The columns of a key: one, or one for each of its fields. */
  private keysOf(input: LambdaInput, index: number, verb: string): ReadonlyMap<string, Column> {
    const key = this.result(input, index, verb);
    const values = isRow(key) ? [...key.values()] : [key];
    return new Map(values.map((typed, at) => {
      const element = naturalElement(typed);
      return [keyColumn(at + 1), { element, value: this.stored(typed, element, verb, index, input.lambda) }];
    }));
  }

  /** Both sequences become one table, and the lambda a map over its rows. */
  private pair(stage: StageShape & { readonly kind: "pair" }, index: number): void {
    const keys = stage.key === null ? null : this.keysOf(stage.key, index, "join");
    const left: SequenceShape = this.columns === null ? { columns: null, element: this.type } : { columns: this.columns };
    this.cut(keys === null ? "zip puts two sequences side by side" : "a join needs all elements first", keys ?? new Map());
    const step = { table: this.table, stages: [index] };
    this.steps.push(keys === null ? { kind: "zip", ...step } : { kind: "join", ...step, keys: [...keys.keys()] });
    const ofRight = (name: string): string => rightColumn(name);
    const both = this.rowsOf(new Map([...columnsOf(left, name => name), ...columnsOf(stage.right, ofRight)]));
    this.source = { kind: "range" };
    this.ofTable = true;
    this.value = both;
    const side = ({ columns }: SequenceShape, name: (column: string) => string): Typed | Row =>
      columns === null ? both.column(name(SINGLE)).value : { column: column => both.column(name(column)).value };
    const result = this.inferred(stage, index, [side(left, name => name), side(stage.right, ofRight)]);
    if (isRow(result)) this.becomeRows(result, NO_COLUMNS, index, stage.lambda);
    else this.become(result, this.resultType(result, null), "zip", index, stage.lambda);
    this.stages.push(index);
  }

  private group(stage: StageShape & { readonly kind: "group" }, index: number): void {
    this.placeForAny([stage.lambda, ...stage.aggregates.flatMap(({ value }) => (value === null ? [] : [value.lambda]))], "a group");
    const key = this.result(stage, index, "groupBy");
    const keys = isRow(key) ? [...key] : [["key", key] as const];
    const before = this.value;
    const stored = new Map<string, Column>();
    const columns = new Map<string, ElementType>();
    const keyColumns = keys.map(([name, typed], at) => {
      const element = (before instanceof Rows ? before.elementOf(typed) : typed.expr.kind === "element" ? this.type : null) ?? naturalElement(typed);
      const column = keyColumn(at + 1);
      stored.set(column, { element, value: this.stored(typed, element, "groupBy", index, stage.lambda) });
      columns.set(name, element);
      return { column, name };
    });
    const aggregates = stage.aggregates.map((aggregate, at): GroupColumn => {
      const { name, terminal, value } = aggregate;
      if (columns.has(name)) throw new QueryError("DC308", `two columns of the groups are called ${name}`, "Give the aggregate, or the key's field, another name.");
      const column = value === null && terminal === "count" ? null : valueColumn(at + 1);
      const element = column === null ? "u32" : this.aggregated(aggregate, column, stored, index);
      columns.set(name, element);
      return { name, terminal, column, element };
    });
    this.cut("groups need all elements first", stored, true);
    this.value = this.rowsOf(columns);
    this.source = { kind: "range" };
    this.ofTable = true;
    this.steps.push({ kind: "group", table: this.table, stages: [index], keys: keyColumns, aggregates });
  }

  /** Stores what an aggregate is of; gives what the aggregate is. */
  private aggregated({ terminal, value }: Aggregate, column: string, stored: Map<string, Column>, index: number): ElementType {
    const typed = value === null ? this.current : this.call(value, index, terminal);
    const unchanged = this.value instanceof Rows ? this.value.elementOf(typed) : value === null ? this.type : null;
    const element = unchanged ?? naturalElement(typed);
    stored.set(column, { element, value: { ...typed, expr: toElement(typed, element, terminal, this.parameters) } });
    if (terminal === "average" && (element === "i64" || element === "u64")) throw new QueryError("DC306", "BigInts have no average: it may be a fraction", "Average them as numbers: g.average(r => Number(r.id)).");
    if (terminal === "average") return "f64";
    if (terminal === "sum") return element === "i64" || element === "u64" ? element : "f64";
    return element;
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
    const result = this.result(input, stage, verb, ...before);
    if (isRow(result)) throw new CompilerBug(`${verb} is given a row`);
    return result;
  }

  private result(input: LambdaInput, stage: number, verb: string, ...before: readonly Typed[]): TypedResult["result"] {
    this.placeFor(input.lambda, before.length + 1, verb);
    return this.inferred(input, stage, [...before, this.argument(input.lambda.parameters[before.length] ?? "element")]);
  }

  /** Calls a lambda with these values and the element's place. */
  private inferred({ lambda, captures }: LambdaInput, stage: number, values: readonly (Typed | Row)[]): TypedResult["result"] {
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
    return value instanceof Rows ? { column: column => value.column(column).value } : this.named(name);
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
  private resultType(result: Typed, to: ElementType | Columns | null): ElementType {
    if (typeof to === "string") return to;
    return this.value instanceof Rows ? (this.value.elementOf(result) ?? naturalElement(result)) : this.type;
  }

  private become(result: Typed, element: ElementType, verb: string, stage: number, lambda: SurfaceLambda): void {
    this.value = this.stored(result, element, verb, stage, lambda);
    this.type = element;
  }

  private becomeRows(fields: ReadonlyMap<string, Typed>, to: Columns, stage: number, lambda: SurfaceLambda): void {
    const before = this.value;
    const known = new Map<string, Column>();
    for (const [name, field] of fields) {
      const unchanged = before instanceof Rows ? before.elementOf(field) : field.expr.kind === "element" || field.expr === before.expr ? this.type : null;
      const element = to.get(name) ?? unchanged ?? naturalElement(field);
      const value = unchanged === element ? field : this.stored(field, element, "map", stage, lambda);
      const { kind } = value.expr;
      known.set(name, { element, value: kind === "local" || kind === "const" || kind === "element" ? value : { ...value, expr: this.declare(name, value.expr) } });
    }
    const columns = new Map([...known].map(([name, { element }]) => [name, element]));
    this.value = new Rows(columns, name => (known.get(name) as Column).value);
  }

  /** A value as an array of such elements would give it back. */
  private stored(result: Typed, element: ElementType, verb: string, stage: number, lambda: SurfaceLambda): Typed {
    const expr = toElement(result, element, verb, this.parameters);
    if (ELEMENTS[element].integer && element !== "u8c" && result.integral !== false && !isBigType(expr.type)) {
      for (const name of result.integral) this.integral.push({ stage, name, lambda });
    }
    return elementValue(wrapElement(expr, element), element, result.span);
  }

  private convertTo(element: ElementType): void {
    const { expr, span } = this.current;
    const target = ELEMENTS[element].scalar;
    if (isBigType(target) && (expr.type === "f32" || expr.type === "f64")) {
      throw new QueryError("DC305", `as(${ELEMENTS[element].array}) cannot take fractions`, "Convert in a map that says how to round: .map(x => BigInt(Math.trunc(x)), BigInt64Array)");
    }
    const converted = element === "u8c" ? apply("clampU8", convert("f64", expr)) : convert(target, expr);
    this.type = element;
    this.value = elementValue(wrapElement(converted, element), element, span);
  }

  /** Ends the kernel here: its results are stored, and a new kernel reads them. `beside`: more columns; `alone`: no others. */
  private cut(reason: string, beside: ReadonlyMap<string, Column> = new Map(), alone = false): void {
    const { columns } = this;
    this.store(reason, beside, alone);
    this.table += 1;
    this.source = columns === null ? { kind: "array", element: this.type } : { kind: "range" };
    this.ofTable = columns !== null;
    this.parameters = new Parameters(new Names());
    this.body = [];
    this.stages = [];
    this.filtered = false;
    this.value = columns === null ? this.sourceValue() : this.rowsOf(columns);
  }

  /** Ends kernels that store the sequence: one, or one for each column. */
  private store(barrier: string | null, beside: ReadonlyMap<string, Column> = new Map(), alone = false): void {
    const { value, stages } = this;
    if (!(value instanceof Rows) && beside.size === 0) return this.finishKernel(this.arraySink(value, this.type), barrier, null);
    // All columns are loaded before the body is used more than once.
    const own = alone ? [] : value instanceof Rows ? [...value.columns.keys()].map(name => [name, value.column(name)] as const) : [[SINGLE, { element: this.type, value }] as const];
    const columns = [...own, ...beside];
    const { body } = this;
    for (const [name, column] of columns) {
      this.body = [...body];
      this.stages = stages;
      this.finishKernel(this.arraySink(column.value, column.element), barrier, name);
    }
  }

  /** Stores the elements; a store truncates to the element's bits, so a wrap before it is dropped. */
  private arraySink({ expr }: Typed, element: ElementType): Sink {
    const wraps = expr.kind === "apply" && expr.op === WRAPS[element];
    this.yield(wraps ? (expr.args[0] as Expr) : expr);
    return { kind: "array", element };
  }

  yield(value: Expr | null): void {
    this.body.push({ kind: "yield", value });
  }

  private finishKernel(sink: Sink, barrier: string | null, column: string | null): void {
    const { scalars, arrays } = this.parameters;
    const kernel: Kernel = { source: this.source, scalars, arrays, body: this.body, sink };
    this.done.push({ kernel, stages: this.stages, barrier, table: this.table, column });
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
    return { kernels: this.done, steps: this.steps, element: this.columns === null ? this.type : null, integral: this.integral };
  }
}

const NO_COLUMNS: Columns = new Map();

/** The columns of a sequence in a table, single values in one of their own. */
const columnsOf = (sequence: SequenceShape, name: (column: string) => string): readonly (readonly [string, ElementType])[] =>
  sequence.columns === null ? [[name(SINGLE), sequence.element]] : [...sequence.columns].map(([column, element]) => [name(column), element]);

const isRow = (result: TypedResult["result"]): result is ReadonlyMap<string, Typed> => result instanceof Map;
