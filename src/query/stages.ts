/** The stages that verbs make: what tells one apart from others, and, where it is new, its lambdas parsed. */
import { CompilerBug } from "../../fusion/errors.js";
import type { SurfaceLambda } from "../../fusion/parse/surface.js";
import type { RowParameter } from "../../fusion/parse/records.js";
import { EDGE, fillOf, SEED, type Aggregate, type CaptureType, type Columns, type LambdaInput, type MapUse, type SequenceShape, type SetVerb, type StageShape } from "../../fusion/query.js";
import type { ElementType } from "../../fusion/types.js";
import { checkUsed, NO_CAPTURES, textOf } from "./captures.js";
import { parse } from "./parse.js";
import { hasSingles, type NewStage, type ShapeNode } from "./shape.js";
import type { Capture, Captures } from "./types.js";

export type LambdaVerb = "map" | "flatMap" | "filter";

/**
 * `to`: what a map's results are stored as, or, of rows, some of its columns. `f`: a function, or the text of a lambda of the
 * library's own, for minifiers change functions.
 */
export function lambdaStage(node: ShapeNode, verb: LambdaVerb, f: unknown, to: ElementType | Columns | null, captures: Captures, use?: MapUse): ShapeNode {
  const [text, detail] = [typeof f === "string" ? f : textOf(f), use ?? detailOf(to)];
  return node.find(verb, text, detail, captures) ?? node.add({
    kind: verb, verb, text, detail, captures,
    single: to === "f32" || (to instanceof Map && [...to.values()].includes("f32")),
    build: types => {
      const lambda = parse(text, verb, types, node.elementParameters());
      checkUsed(types, [lambda], verb);
      const input = { lambda, captures: types };
      return verb === "filter" ? { kind: verb, ...input } : verb === "map" ? { kind: verb, to, ...input, ...(use === undefined ? {} : { use }) } : { kind: verb, to, ...input };
    },
  });
}

/** What the right key of `verb` gives. The stage of that verb checks that its captures are used. */
export function keysStage(node: ShapeNode, f: unknown, verb: string, captures: Captures): ShapeNode {
  const text = textOf(f);
  return node.find("map", text, "keys", captures) ?? node.add({
    kind: "map", verb, text, detail: "keys", captures,
    build: types => ({ kind: "map", to: null, lambda: parse(text, `the right key of ${verb}`, types, node.elementParameters()), captures: types, use: "keys" }),
  });
}

/** The lambda behind keys. */
const lambdasOf = (keys: ShapeNode | null): readonly SurfaceLambda[] => (keys?.stage?.kind === "map" || keys?.stage?.kind === "group" ? [keys.stage.lambda] : []);

/** Tells the targets of maps apart. */
const detailOf = (to: ElementType | Columns | null): string | null => (to instanceof Map ? JSON.stringify([...to]) : (to as ElementType | null));

/** A stage without lambdas. */
function plain(node: ShapeNode, stage: StageShape, detail: string | null = null, captures = NO_CAPTURES): ShapeNode {
  return node.find(stage.kind, "", detail, captures) ?? node.add({ kind: stage.kind, verb: stage.kind, text: "", detail, captures, build: () => stage });
}

export const plainStage = (node: ShapeNode, kind: "reverse" | "distinct" | "concat" | "tap"): ShapeNode => plain(node, { kind });

export const setStage = (node: ShapeNode, verb: SetVerb): ShapeNode => plain(node, { kind: "set", verb }, verb);

/** `to`: of rows, some of the columns. */
export const asStage = (node: ShapeNode, to: ElementType | Columns): ShapeNode => plain(node, { kind: "as", to }, detailOf(to));

export const columnStage = (node: ShapeNode, name: string): ShapeNode => lambdaStage(node, "map", `row => row[${JSON.stringify(name)}]`, null, NO_CAPTURES);

/** Leaves out rows that have no value in these columns; or, `fills`, gives them these values. */
export function nullsStage(node: ShapeNode, columns: readonly string[], fills: readonly Capture[] | null): ShapeNode {
  const detail = JSON.stringify(columns);
  if (fills === null) return plain(node, { kind: "dropNulls", columns }, detail);
  const captures = Object.fromEntries(fills.map((value, at) => [fillOf(at + 1), value]));
  return node.find("fillNulls", "", detail, captures) ?? node.add({ kind: "fillNulls", verb: "fillNulls", text: "", detail, captures, build: types => ({ kind: "fillNulls", columns, captures: types }) });
}

const SLICE: Captures = { start: 0, end: 0 };

/** `from`: whether the slice may begin elsewhere than at 0. Its values are `start` and `end`. */
export function sliceStage(node: ShapeNode, from: boolean): ShapeNode {
  const detail = from ? "from" : null;
  return node.find("slice", "", detail, SLICE) ?? node.add({ kind: "slice", verb: "slice", text: "", detail, captures: SLICE, build: captures => ({ kind: "slice", from, captures }) });
}

/** `take`: the elements before the first for which the lambda is false; or else those behind. */
export function whileStage(node: ShapeNode, f: unknown, take: boolean, captures: Captures): ShapeNode {
  const [text, verb] = [textOf(f), take ? "takeWhile" : "skipWhile"];
  return node.find("while", text, verb, captures) ?? node.add({
    kind: "while", verb, text, detail: verb, captures,
    build: types => {
      const lambda = parse(text, verb, types, node.elementParameters());
      checkUsed(types, [lambda], verb);
      return { kind: "while", take, lambda, captures: types };
    },
  });
}

export function sortStage(node: ShapeNode, f: unknown, descending: boolean, then: boolean, captures: Captures): ShapeNode {
  const [text, verb] = [textOf(f), then ? "thenBy" : "orderBy"];
  const detail = `${verb}${descending ? " descending" : ""}`;
  return node.find("sort", text, detail, captures) ?? node.add({
    kind: "sort", verb, text, detail, captures,
    build: types => {
      const lambda = parse(text, verb, types, node.elementParameters());
      checkUsed(types, [lambda], verb);
      return { kind: "sort", descending, then, lambda, captures: types };
    },
  });
}

export interface ScanHow {
  readonly to: ElementType | null;
  readonly exclusive: boolean;
  readonly sequential: boolean;
}

/** The running values of a reducer. The seed, if there is one, is the last of the stage's values. */
export function scanStage(node: ShapeNode, f: unknown, seed: number | bigint | boolean | undefined, how: ScanHow, captures: Captures): ShapeNode {
  const [text, detail] = [textOf(f), JSON.stringify(how)];
  const all = seed === undefined ? captures : { ...captures, [SEED]: seed };
  return node.find("scan", text, detail, all) ?? node.add({
    kind: "scan", verb: "scan", text, detail, captures: all,
    single: how.to === "f32",
    build: types => {
      const { [SEED]: seedType, ...own } = types;
      const lambda = parse(text, "scan", own, node.elementParameters(1, 1));
      checkUsed(own, [lambda], "scan");
      return { kind: "scan", lambda, captures: types, seed: seedType === undefined ? null : (seedType.kind as "number" | "bigint" | "boolean"), ...how };
    },
  });
}

export type WindowHow = Omit<StageShape & { readonly kind: "window" }, "kind" | keyof LambdaInput>;

/** Of offsets, which `window` gives again and again, what tells them apart. */
const PLACES = new WeakMap<readonly number[], string>();

function detailOfWindow({ verb, offsets, edge, to, fold }: WindowHow): string {
  let places = PLACES.get(offsets);
  if (places === undefined) PLACES.set(offsets, (places = offsets.join(" ")));
  return `${verb} ${edge} ${String(fold)} ${String(detailOf(to))} ${places}`;
}

/** What a lambda, this text, gives for windows. What stands beyond the edges, if it is a constant, is the last of the stage's values. */
export function windowStage(node: ShapeNode, text: string, how: WindowHow, captures: Captures): ShapeNode {
  const { verb, to } = how;
  const detail = detailOfWindow(how);
  return node.find("window", text, detail, captures) ?? node.add({
    kind: "window", verb, text, detail, captures,
    single: to === "f32" || (to instanceof Map && [...to.values()].includes("f32")),
    build: types => {
      const { [EDGE]: _, ...own } = types;
      const lambda = parse(text, "window", own, { least: 0, most: 2, rows: [{ window: how.offsets.length }] });
      checkUsed(own, [lambda], verb);
      return { kind: "window", lambda, captures: own, ...how };
    },
  });
}

/** `f`: what elements are ordered by; undefined for the elements themselves. */
export function topStage(node: ShapeNode, f: unknown, descending: boolean, captures: Captures): ShapeNode {
  const [text, verb] = [f === undefined ? "" : textOf(f), descending ? "top" : "bottom"];
  return node.find("top", text, verb, captures) ?? node.add({
    kind: "top", verb, text, detail: verb, captures,
    build: types => {
      if (text === "") return { kind: "top", descending, key: null };
      const lambda = parse(text, verb, types, node.elementParameters());
      checkUsed(types, [lambda], verb);
      return { kind: "top", descending, key: { lambda, captures: types } };
    },
  });
}

/** A zip without a key, a join with one. */
export function pairStage(node: ShapeNode, verb: "zip" | "join" | "leftJoin", f: unknown, key: unknown, right: ShapeNode, captures: Captures, more: readonly ShapeNode[] = [], keys: ShapeNode | null = null): ShapeNode {
  const [own, keyText] = [textOf(f), key === null ? "" : textOf(key)];
  const text = `${own}\n${keyText}`;
  const outer = verb === "leftJoin";
  const rightKeys = lambdasOf(keys);
  const detail = JSON.stringify([verb, keyText, rightKeys.map(({ source }) => source.text), [...(keys?.columns ?? [])], ...[right, ...more].map(({ columns, element }) => (columns === null ? element : [...columns]))]);
  return node.find("pair", text, detail, captures) ?? node.add({
    kind: "pair", verb, text, detail, captures,
    single: [right, ...more].some(hasSingles),
    build: types => {
      const lambda = parse(own, verb, types, { least: 0, most: 3 + more.length, rows: [rowOf(node, false), rowOf(right, outer), ...more.map(other => rowOf(other, false))] });
      const keyLambda = key === null ? null : parse(keyText, `the key of ${verb}`, types, node.elementParameters());
      checkUsed(types, [lambda, ...(keyLambda === null ? [] : [keyLambda]), ...rightKeys], verb);
      return { kind: "pair", lambda, captures: types, key: keyLambda === null ? null : { lambda: keyLambda, captures: types }, right: sequenceOf(right), rightKeys: keys === null ? null : keys.columns, outer, more: more.map(sequenceOf) };
    },
  });
}

/** A parameter that stands for an element; null for a value that is always there. */
const rowOf = ({ columns }: ShapeNode, mayBeMissing: boolean): RowParameter | null =>
  columns === null && !mayBeMissing ? null : { columns: columns === null ? null : [...columns.keys()], mayBeMissing };

const sequenceOf = ({ columns, element }: ShapeNode): SequenceShape => (columns === null ? { columns, element } : { columns });

/** The keys of another query are columns, even if there is but one. */
function columnsOf({ columns }: ShapeNode): Columns {
  if (columns === null) throw new CompilerBug("keys are no columns");
  return columns;
}

/** `keep`: those that match, or those that do not. `keys`: those of the other query. */
export function matchStage(node: ShapeNode, key: unknown, keep: boolean, captures: Captures, keys: ShapeNode): ShapeNode {
  const [text, verb] = [textOf(key), keep ? "semiJoin" : "antiJoin"];
  const rightKeys = lambdasOf(keys);
  const detail = JSON.stringify([verb, rightKeys.map(({ source }) => source.text), [...columnsOf(keys)]]);
  return node.find("match", text, detail, captures) ?? node.add({
    kind: "match", verb, text, detail, captures,
    build: types => {
      const lambda = parse(text, verb, types, node.elementParameters());
      checkUsed(types, [lambda, ...rightKeys], verb);
      return { kind: "match", keep, rightKeys: columnsOf(keys), lambda, captures: types };
    },
  });
}

/** An aggregate as a query was given it. */
export interface AggregateOf {
  readonly name: string;
  readonly terminal: Aggregate["terminal"];
  readonly f: unknown;
  readonly captures: Captures;
  /** See `Aggregate`. */
  readonly argument?: number;
}

/** `groups`: the other query by key, with its aggregates. */
export function groupJoinStage(node: ShapeNode, key: unknown, groups: ShapeNode, captures: Captures): ShapeNode {
  const [text, columns] = [textOf(key), groups.columns];
  if (columns === null || groups.stage?.kind !== "group") throw new CompilerBug("a groupJoin without groups");
  const { aggregates } = groups.stage;
  const rightKeys = lambdasOf(groups);
  const detail = JSON.stringify([rightKeys.map(({ source }) => source.text), ...columns, ...aggregates.map(({ name, terminal, value, argument }) => [name, terminal, argument, value?.lambda.source.text])]);
  return node.find("groupJoin", text, detail, captures) ?? node.add({
    kind: "groupJoin", verb: "groupJoin", text, detail, captures,
    single: hasSingles(groups),
    build: types => {
      const lambda = parse(text, "groupJoin", types, node.elementParameters());
      checkUsed(types, [lambda, ...rightKeys], "groupJoin");
      return { kind: "groupJoin", groups: columns, aggregates, lambda, captures: types };
    },
  });
}

/** `captures`: those of the key and of all aggregates; each lambda sees its own. The stage of a groupJoin checks that the key's are used. */
export function groupStage(node: ShapeNode, f: unknown, verb: "groupBy" | "groupJoin", keyCaptures: Captures, aggregates: readonly AggregateOf[], captures: Captures): ShapeNode {
  const texts = [textOf(f), ...aggregates.map(({ f: value }) => (value === null ? "" : textOf(value)))];
  const text = texts.join("\n");
  const detail = JSON.stringify([verb, texts.map(({ length }) => length), Object.keys(keyCaptures), aggregates.map(({ name, terminal, argument, captures: own }) => [name, terminal, argument, Object.keys(own)])]);
  return node.find("group", text, detail, captures) ?? addGroup(node, { verb, texts, names: Object.keys(keyCaptures), aggregates: aggregates.map(({ f: _, captures: own, ...one }) => ({ ...one, names: Object.keys(own) })) }, { text, detail, captures });
}

interface NewGroup {
  readonly verb: "groupBy" | "groupJoin";
  /** Of the key, then of each aggregate; empty where that has no lambda. */
  readonly texts: readonly string[];
  /** Of the captures that the key sees. */
  readonly names: readonly string[];
  readonly aggregates: readonly (Omit<AggregateOf, "f" | "captures"> & { readonly names: readonly string[] })[];
}

function addGroup(node: ShapeNode, { verb, texts, names, aggregates }: NewGroup, way: Pick<NewStage, "text" | "detail" | "captures">): ShapeNode {
  return node.add({
    kind: "group", verb, ...way,
    build: types => {
      const input = (text: string, of: string, own: readonly string[]): LambdaInput => {
        const ownTypes = Object.fromEntries(own.map(name => [name, types[name] as CaptureType]));
        const lambda = parse(text, of === "groupJoin" ? "the right key of groupJoin" : of, ownTypes, node.elementParameters());
        if (of !== "groupJoin") checkUsed(ownTypes, [lambda], of);
        return { lambda, captures: ownTypes };
      };
      const valueOf = (text: string, terminal: string, own: readonly string[]): LambdaInput | null => (text === "" ? null : input(text, terminal, own));
      const parsed = aggregates.map(({ names: own, ...one }, at) => ({ ...one, value: valueOf(texts[at + 1] as string, one.terminal, own) }));
      return { kind: "group", ...input(texts[0] as string, verb, names), aggregates: parsed };
    },
  });
}
