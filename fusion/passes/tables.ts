/**
 * Stages that choose and move elements: the kernel before them stores what they need, tables are changed between kernels, and a
 * new kernel goes on with what is there then.
 */
import { apply, convert, select } from "../build.js";
import { isValidity, rightColumn, validColumn } from "../columns.js";
import { CompilerBug, QueryError } from "../errors.js";
import { isSpread, itemColumn, ITEMS, keyColumn, MATCHED, SINGLE, valueColumn, windowColumn, WINDOWED, type Aggregate, type Columns, type GroupColumn, type JoinedColumn, type KeptPart, type KeyPart, type LambdaInput, type Edge, type SequenceShape, type StageShape } from "../query.js";
import { itemAt } from "../parse/lists.js";
import { PRESENT, VALUE } from "../parse/records.js";
import { mapStmts, mentions } from "../traverse.js";
import { ELEMENTS, isBigType, storedAs, type ColumnType } from "../types.js";
import { Fusion, isRow, NO_COLUMNS } from "./fuse.js";
import type { Row } from "./infer.js";
import { zero } from "./infer-values.js";
import { columnsFor, there } from "./nulls.js";
import { checkKeys } from "./join-keys.js";
import { shifted } from "./places.js";
import { Rows, type Column } from "./rows.js";
import { planScan } from "./scan.js";
import { elementValue, toElement, truthOf, type Typed } from "./typing.js";

interface SortKey {
  readonly column: string;
  readonly descending: boolean;
  readonly typed: Typed;
  readonly element: ColumnType;
}

/** A column of a key, as it is stored. */
interface Key extends KeyPart {
  readonly key: Column;
}

const partsOf = (keys: readonly Key[]): readonly KeyPart[] => keys.map(({ column, name }) => ({ column, name }));
const keysIn = (keys: readonly Key[]): Columns => new Map(keys.map(({ name, key }) => [name, key.element]));
const stored = (keys: readonly Key[]): ReadonlyMap<string, Column> => new Map(keys.map(({ column, key }) => [column, key]));

/** Fusion of all stages. */
export class TableFusion extends Fusion {
  /** Sorts that have not ended: more keys may follow. */
  private sorting: { readonly keys: readonly SortKey[]; readonly stages: readonly number[] } | null = null;

  stage(stage: StageShape, index: number): void {
    this.endScan();
    switch (stage.kind) {
      case "map":
      case "filter":
      case "as":
      case "dropNulls":
      case "fillNulls":
        return this.compute(stage, index);
      case "scan":
        return this.scan(stage, index);
      case "window":
        return this.window(stage, index);
      case "slice":
        return this.slice(stage.from, index);
      case "reverse":
      case "distinct":
      case "concat":
        this.cut(`${stage.kind} needs all elements first`);
        this.steps.push({ kind: stage.kind, table: this.table, stages: [index] });
        return;
      case "tap":
        this.cut("tap calls a JavaScript function with every element");
        this.steps.push({ kind: "tap", table: this.table, stages: [index], columns: new Map(columnsOf(this.sequence, name => name)) });
        return;
      case "flatMap":
        this.flatMap(stage, index);
        return;
      case "while":
        this.while(stage, index);
        return;
      case "pair":
        this.pair(stage, index);
        return;
      case "match": {
        const keys = this.keysOf(stage, index, stage.keep ? "semiJoin" : "antiJoin");
        checkKeys(keysIn(keys), stage.rightKeys);
        this.cut("a join needs all elements first", stored(keys));
        this.steps.push({ kind: "match", table: this.table, stages: [index], keys: partsOf(keys), keep: stage.keep });
        return;
      }
      case "set":
        this.cut(`${stage.verb} needs all elements first`);
        this.steps.push({ kind: "set", table: this.table, stages: [index], verb: stage.verb });
        return;
      case "sort":
        this.sort(stage, index);
        return;
      case "top":
        this.top(stage, index);
        return;
      case "groupJoin":
        this.groupJoin(stage, index);
        return;
      case "group":
        this.group(stage, index);
        return;
      default:
        stage satisfies never;
    }
  }

  /** A stage that need not move anything: its key's types are looked at, and nothing else of it is left. */
  idle(stage: StageShape, index: number): void {
    this.endScan();
    if (stage.kind === "sort") this.sortKeys(this.maybe(stage, index, stage.then ? "thenBy" : "orderBy"), 1, stage.descending);
  }

  private scan(stage: StageShape & { readonly kind: "scan" }, index: number): void {
    if (this.filtered) this.cut("a scan behind a filter runs over what it has let through");
    const element = stage.to ?? this.type;
    if (element === "string") throw new QueryError("DC306", "strings have no running values", "Say what to store them as: .scan(f, seed, {}, { to: Float64Array })");
    const { sink, integral } = planScan(this, stage, index, element);
    if (!isBigType(sink.stored.type)) this.mustBeWhole(integral, element, index, stage.lambda);
    this.type = element;
    this.scanned = sink;
    this.stages.push(index);
  }

  /** The elements of a window stand at offsets in the source, as long as nothing has been computed of it yet; those of a chunk are columns. */
  private window(stage: StageShape & { readonly kind: "window" }, index: number): void {
    const { verb, offsets, edge, to, lambda } = stage;
    const chunked = verb === "chunk";
    if (!this.isBare) this.cut(chunked ? "chunks are made of the results of what comes before them" : "windows reach for the results of what comes before them");
    const apart = chunked || this.inPieces || !isNear(offsets, edge);
    this.steps.push({ table: this.table, stages: [index], ...(chunked ? { kind: "chunk", size: offsets.length } : { kind: "window", offsets, edge, apart }) });
    const element = this.type;
    const windows = apart ? this.rowsOf(new Map(offsets.map((_, at) => [windowColumn(at, chunked), element]))) : this.around(offsets, element);
    this.source = { kind: "range" };
    this.ofTable = true;
    this.value = windows;
    const result = this.inferred(stage, index, [{ column: place => windows.column(windowColumn(Number(place), chunked)).value }]);
    if (isRow(result)) this.becomeRows(result, to instanceof Map ? to : NO_COLUMNS, index, lambda);
    else this.become(result, typeof to === "string" ? to : this.keptType(result, element), "window", index, lambda);
    this.stages.push(index);
  }

  /** One column holds the elements at all offsets, each so many places behind the one at the lowest. */
  private around(offsets: readonly number[], element: ColumnType): Rows {
    const lowest = Math.min(0, ...offsets);
    const places = new Map(offsets.map((offset, at) => [windowColumn(at, false), offset - lowest]));
    let array: string | null = null;
    return new Rows(new Map([...places.keys()].map(name => [name, element])), name => {
      array ??= this.parameters.column(WINDOWED, storedAs(element));
      return this.here(name, array, element, places.get(name));
    });
  }

  private get sequence(): SequenceShape {
    return this.columns === null ? { columns: null, element: this.type } : { columns: this.columns };
  }

  /** The elements are those of an array, untouched. */
  private get isBare(): boolean {
    return this.source.kind === "array" && this.body.length === 0 && !(this.value instanceof Rows) && this.value.expr.kind === "element";
  }

  /** Places of a table can be left out before its kernels run, as long as nothing has been filtered. */
  private slice(from: boolean, index: number): void {
    const last = this.steps.at(-1);
    if (last?.kind === "sort" && last.limit === index) return;
    if (this.filtered) this.cut("a slice behind a filter takes from its results");
    else if (from) this.leaveOut(index);
    this.steps.push({ kind: "slice", table: this.table, stages: [index] });
  }

  /** The stage leaves out what comes before some place: what has used numbers of places so far goes on to do so, and later stages count anew. */
  private leaveOut(stage: number): void {
    if (!this.usesPlaces && !this.isRange) return;
    this.load();
    const shift = shifted(this.source, this.parameters.base(stage));
    this.body = [...mapStmts(this.body, { expr: shift })];
    this.value = this.value instanceof Rows ? this.value.mapped(shift) : { ...this.value, expr: shift(this.value.expr) };
  }

  private get usesPlaces(): boolean {
    return mentions(this.body, "index") || (!(this.value instanceof Rows) && mentions(this.value.expr, "index"));
  }

  /** Keeps one row, the first or last for which `test` lets the element pass: the last of those that are left. */
  pick(which: "first" | "last", test: (() => void) | null): void {
    this.load();
    // Lambdas that use places must find each row at its own.
    const placed = this.usesPlaces || this.isRange;
    if (test === null && !this.filtered) {
      if (which === "first") this.keep("head");
      else if (!placed) this.keep("tail");
      return;
    }
    this.seek("row", which, `the place of the ${which} row is found before its columns are read`, test ?? (() => undefined));
    this.keep(placed ? "through" : "at");
  }

  /** What stands at each place of the lists is stored by itself; between kernels all is put behind one another. */
  private flatMap(stage: StageShape & { readonly kind: "flatMap" }, index: number): void {
    const { lambda, to } = stage;
    const result = this.result(stage, index, "flatMap");
    if (!isRow(result)) throw new CompilerBug("a flatMap gives no list");
    const stored = new Map<string, Column>();
    const lists = new Map<string, Typed[]>();
    for (const [name, given] of result) {
      const item = there(given);
      const { place, column } = itemAt(name);
      if (place === null) stored.set(ITEMS, { element: "u32", value: this.stored(item, "u32", "flatMap", index, lambda) });
      else (lists.get(column ?? SINGLE) ?? lists.set(column ?? SINGLE, []).get(column ?? SINGLE) as Typed[])[place] = item;
    }
    const columns = [...lists].map(([name, items]) => {
      const own = this.value instanceof Rows || name !== SINGLE || items.some(item => item.pad !== true && this.keptType(item, this.type) !== this.type);
      const element = typeof to === "string" ? to : (to?.get(name) ?? (own ? this.elementOfAll(items) : this.type));
      items.forEach((item, place) => stored.set(itemColumn(place, name), { element, value: item.pad === true ? elementValue(zero(ELEMENTS[storedAs(element)].scalar), element, item.span) : this.stored(item, element, "flatMap", index, lambda) }));
      return { name, element, from: items.map((_, place) => itemColumn(place, name)) };
    });
    const [first] = columns as [(typeof columns)[number]];
    this.stages = [...this.stages, index];
    this.type = first.element;
    this.value = first.name === SINGLE ? (stored.get(first.from[0] as string) as Column).value : this.rowsOf(new Map(columns.map(({ name, element }) => [name, element])));
    this.cut("flatMap puts what each element gives behind one another", stored, true);
    this.steps.push({ kind: "flatten", table: this.table, stages: [index], columns: columns.map(({ name, from }) => ({ name, from })), varied: stored.has(ITEMS) });
  }

  /** What an array must hold to keep all of these. */
  private elementOfAll(items: readonly Typed[]): ColumnType {
    const [first = "f64", ...others] = items.filter(item => item.pad !== true).map(item => this.ownElement(item));
    return others.every(other => other === first) ? first : "f64";
  }

  /** What is kept lies before or behind a place of the source, filtered or not, and is computed from there again. */
  private while(stage: StageShape & { readonly kind: "while" }, index: number): void {
    const verb = stage.take ? "takeWhile" : "skipWhile";
    this.placeFor(stage.lambda, 1, verb);
    const { filtered, stages } = this;
    this.stages = [...stages, index];
    this.seek("end", "first", `${verb} looks for the first element that is otherwise`, () => this.keepIf(apply("not", truthOf(this.call(stage, index, verb)))));
    this.filtered = filtered;
    this.stages = stages;
    this.keep(stage.take ? "before" : "from", [index]);
    if (!stage.take) this.leaveOut(index);
  }

  private keep(part: KeptPart, stages: readonly number[] = []): void {
    this.steps.push({ kind: "keep", table: this.table, stages, part });
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
    const value = this.maybe(stage, index, stage.then ? "thenBy" : "orderBy");
    this.sorting = { keys: [...keys, ...this.sortKeys(value, keys.length + 1, stage.descending)], stages: [...stages, index] };
  }

  /** Nulls come last in either direction: values that are there are the larger by another key, in front. */
  private sortKeys(value: Typed, number: number, descending: boolean): readonly SortKey[] {
    const element = this.ownElement(value);
    const column = keyColumn(number);
    const typed = elementValue(toElement(value, element, "orderBy", this.parameters), element, value.span);
    if (value.missing === undefined) return [{ column, descending, typed, element }];
    const { present } = value.missing;
    const valid = { column: validColumn(column), descending: true, typed: { ...typed, expr: convert("i32", present) }, element: "u8" } as const;
    return [valid, { column, descending, typed: { ...typed, expr: select(present, typed.expr, zero(typed.expr.type)) }, element }];
  }

  /** Ends a run of sorts, once a stage that is no `then` follows, or the terminal. A `take` that follows says how much of the order is wanted. */
  settle(next: StageShape | null, index: number): void {
    const { sorting } = this;
    if (sorting === null || (next?.kind === "sort" && next.then)) return;
    this.sorting = null;
    if (next?.kind === "slice" && !next.from) this.order(sorting.keys, [...sorting.stages, index], index);
    else this.order(sorting.keys, sorting.stages, null);
  }

  private top({ key, descending }: StageShape & { readonly kind: "top" }, index: number): void {
    const value = key === null ? this.current : this.maybe(key, index, descending ? "top" : "bottom");
    this.order(this.sortKeys(value, 1, descending), [index], index);
  }

  private order(keys: readonly SortKey[], stages: readonly number[], limit: number | null): void {
    this.cut("a sort needs all elements first", new Map(keys.map(({ column, typed, element }) => [column, { element, value: typed }])));
    this.steps.push({ kind: "sort", table: this.table, stages, keys: keys.map(({ column, descending, element }) => ({ column, descending, strings: element === "string" })), limit });
  }

  /** The columns of a key: one, or one for each of its fields. */
  private keysOf(input: LambdaInput, index: number, verb: string): readonly Key[] {
    const key = this.result(input, index, verb);
    const fields = isRow(key) ? key : new Map(columnsFor("key", key));
    const names = [...fields.keys()].filter(name => !isValidity(name));
    return [...fields].map(([name, typed]) => {
      const element = this.ownElement(typed);
      const value = this.stored(typed, element, verb, index, input.lambda);
      const present = fields.get(validColumn(name));
      const number = names.findIndex(other => other === name || validColumn(other) === name) + 1;
      const settled = present === undefined ? value : { ...value, expr: select(truthOf(present), value.expr, zero(value.expr.type)) };
      return { name, column: isValidity(name) ? validColumn(keyColumn(number)) : keyColumn(number), key: { element, value: settled } };
    });
  }

  /** Both sequences become one table, and the lambda a map over its rows. */
  private pair(stage: StageShape & { readonly kind: "pair" }, index: number): void {
    const keys = stage.key === null ? null : this.keysOf(stage.key, index, "join");
    if (keys !== null && stage.rightKeys !== null) checkKeys(keysIn(keys), stage.rightKeys);
    const left = this.sequence;
    this.cut(keys === null ? "zip puts sequences side by side" : "a join needs all elements first", stored(keys ?? []));
    const step = { table: this.table, stages: [index] };
    this.steps.push(keys === null ? { kind: "zip", others: 1 + stage.more.length, ...step } : { kind: "join", ...step, keys: partsOf(keys), outer: stage.outer });
    const rights = [stage.right, ...stage.more].map((sequence, at) => ({ sequence, name: (column: string) => rightColumn(column, at + 1) }));
    const both = this.rowsOf(new Map([...columnsOf(left, name => name), ...rights.flatMap(({ sequence, name }) => columnsOf(sequence, name)), ...(stage.outer ? [[MATCHED, "u8"] as const] : [])]));
    this.source = { kind: "range" };
    this.ofTable = true;
    this.value = both;
    const side = ({ columns }: SequenceShape, name: (column: string) => string): Typed | Row =>
      columns === null ? both.column(name(SINGLE)).value : { column: column => both.field(name(column)) };
    const maybe: Row = { column: column => both.field(column === PRESENT ? MATCHED : rightColumn(column === VALUE ? SINGLE : column)) };
    const result = this.inferred(stage, index, [side(left, name => name), ...(stage.outer ? [maybe] : rights.map(({ sequence, name }) => side(sequence, name)))]);
    if (isRow(result)) this.becomeRows(result, NO_COLUMNS, index, stage.lambda);
    else this.become(there(result), this.resultType(result, null), "zip", index, stage.lambda);
    this.stages.push(index);
  }

  private groupJoin(stage: StageShape & { readonly kind: "groupJoin" }, index: number): void {
    const keys = this.keysOf(stage, index, "groupJoin");
    checkKeys(keysIn(keys), new Map([...stage.groups].filter(([name]) => !stage.aggregates.some(aggregate => aggregate.name === name))));
    const aggregates = stage.aggregates.flatMap(({ name, terminal }): readonly JoinedColumn[] => {
      const [element, valid] = [stage.groups.get(name) as ColumnType, validColumn(name)];
      const big = element === "i64" || element === "u64";
      return stage.groups.has(valid) ? [{ name, element, nothing: big ? 0n : 0 }, { name: valid, element: "u8", nothing: 0 }] : [joinedColumn(name, terminal, element)];
    });
    const columns = new Map(this.columns);
    for (const { name, element } of aggregates) {
      if (columns.has(name)) throw new QueryError("DC308", `two columns are called ${name}: one of the rows', and one of what is joined to them`, "Give the aggregate another name.");
      columns.set(name, element);
    }
    this.cut("a join needs all elements first", stored(keys));
    this.value = this.rowsOf(columns);
    this.steps.push({ kind: "groupJoin", table: this.table, stages: [index], keys: partsOf(keys), aggregates });
  }

  private group(stage: StageShape & { readonly kind: "group" }, index: number): void {
    this.placeForAny([stage.lambda, ...stage.aggregates.flatMap(({ value }) => (value === null ? [] : [value.lambda]))], "a group");
    const keys = this.keysOf(stage, index, "groupBy");
    const values = new Map(stored(keys));
    const columns = new Map(keys.map(({ name, key }) => [name, key.element]));
    const aggregates = stage.aggregates.flatMap((aggregate, at) => {
      const { name } = aggregate;
      if (columns.has(name)) throw new QueryError("DC308", `two columns of the groups are called ${name}`, "Give the aggregate, or the key's field, another name.");
      const made = this.aggregated(aggregate, valueColumn(at + 1), values, index);
      for (const column of made) columns.set(column.name, column.element);
      return made;
    });
    this.cut("groups need all elements first", values, true);
    this.value = this.rowsOf(columns);
    this.source = { kind: "range" };
    this.ofTable = true;
    this.steps.push({ kind: "group", table: this.table, stages: [index], keys: partsOf(keys), aggregates });
  }

  /** Stores what an aggregate is of; gives the columns that it makes. Values with nulls are left out where they are null, but for the first and the last; where none is there, the smallest and the largest are null. */
  private aggregated({ name, terminal, value, argument }: Aggregate, column: string, stored: Map<string, Column>, index: number): readonly GroupColumn[] {
    if (value === null && terminal === "count") return [{ name, terminal, column: null, valid: null, element: "u32" }];
    const typed = value === null ? this.current : this.maybe(value, index, terminal);
    const element = value === null ? this.type : this.ownElement(typed);
    stored.set(column, { element, value: { ...typed, expr: toElement(typed, element, terminal, this.parameters) } });
    const one = { name, terminal, column, element: elementOf(terminal, element), ...(argument === undefined ? {} : { argument }) };
    if (typed.missing === undefined) return [{ ...one, valid: null }];
    const valid = validColumn(column);
    stored.set(valid, { element: "u8", value: { ...typed, expr: convert("i32", typed.missing.present) } });
    const own = { name: validColumn(name), column: valid, valid: null, element: "u8" } as const;
    switch (terminal) {
      case "first":
      case "last":
        return [{ ...one, valid: null }, { ...own, terminal }];
      case "min":
      case "max":
        return [{ ...one, valid }, { ...own, terminal: "max" }];
      case "count":
      case "sum":
      case "average":
      case "variance":
      case "standardDeviation":
      case "median":
      case "quantile":
        return [{ ...one, valid }];
      default:
        return terminal satisfies never;
    }
  }
}

/** What an aggregate of such elements is stored as. */
function elementOf(terminal: Aggregate["terminal"], element: ColumnType): ColumnType {
  if (element === "string" && terminal !== "first" && terminal !== "last" && terminal !== "count") throw new QueryError("DC306", `strings have no ${terminal}`, "Take it of numbers, or the first or last of the strings.");
  const fractional = terminal === "average" || isSpread(terminal);
  if (fractional && (element === "i64" || element === "u64")) throw new QueryError("DC306", `BigInts have no ${terminal}: it may be a fraction`, `Take it of numbers: g.${terminal}(${terminal === "quantile" ? "0.9, " : ""}r => Number(r.id)).`);
  if (fractional) return "f64";
  if (terminal === "sum") return element === "i64" || element === "u64" ? element : "f64";
  return element;
}

/** What a terminal gives for nothing stands beside rows without a group; so integers are stored as doubles where that is an infinity. */
function joinedColumn(name: string, terminal: Aggregate["terminal"], element: ColumnType): JoinedColumn {
  const big = element === "i64" || element === "u64";
  switch (terminal) {
    case "count":
    case "sum":
      return { name, element, nothing: big ? 0n : 0 };
    case "average":
    case "variance":
    case "standardDeviation":
    case "median":
    case "quantile":
      return { name, element, nothing: NaN };
    case "min":
    case "max":
      if (big) throw new QueryError("DC306", `the ${terminal} of no BigInts has no value, and ${name} is that of rows without a match`, `Take it of numbers: g.${terminal}(r => Number(r.id)).`);
      return { name, element: element === "f32" ? element : "f64", nothing: terminal === "min" ? Infinity : -Infinity };
    case "first":
    case "last":
      throw new QueryError("DC306", `${terminal} of nothing has no value, and ${name} is that of rows without a match`, "Join the groups, and say what to take instead: .leftJoin(other.groupBy(…).aggregate(…), …, (l, g) => g?.name ?? 0).");
    default:
      return terminal satisfies never;
  }
}

/** A copy with what stands beyond the ends is longer by that much. */
const NEAR = 4096;

const isNear = (offsets: readonly number[], edge: Edge): boolean => edge === "valid" || offsets.every(offset => Math.abs(offset) <= NEAR);

/** The columns of a sequence in a table, single values in one of their own. */
const columnsOf = (sequence: SequenceShape, name: (column: string) => string): readonly (readonly [string, ColumnType])[] =>
  sequence.columns === null ? [[name(SINGLE), sequence.element]] : [...sequence.columns].map(([column, element]) => [name(column), element]);
