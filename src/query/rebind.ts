/** A terminal on another source and with other captures: what a prepared function runs. */
import { shownNames } from "../../fusion/columns.js";
import { QueryError, withArticle } from "../../fusion/errors.js";
import { EDGE, SEED, type CaptureType, type SourceShape } from "../../fusion/query.js";
import { ELEMENTS } from "../../fusion/types.js";
import { columnInWords } from "../table/show.js";
import type { BoundQuery, BoundTerminal } from "./bound.js";
import { hasType } from "./captures.js";
import type { Way } from "./edges.js";
import { describe } from "./given.js";
import { stageAgain, terminalAgain } from "./retype.js";
import { bindSource, shapeOfSource, type BoundSource } from "./source.js";
import type { Capture, Captures } from "./types.js";

/** A captured value: of which stage (the terminal's comes last), and which of its values. */
export interface Parameter {
  readonly stage: number;
  readonly at: number;
  readonly type: CaptureType;
  /** Whether it matters that a number is exactly an f32. */
  readonly singles: boolean;
  readonly value: Capture;
}

/** The captures that a prepared query may be given other values for: all that have a name. */
export type Parameters = ReadonlyMap<string, readonly Parameter[]>;

export function parametersOf({ query, node, values }: BoundTerminal): Parameters {
  const parameters = new Map<string, Parameter[]>();
  const take = (stage: number, { names, types, singles }: Way, all: readonly Capture[]): void => {
    names.forEach((name, at) => {
      if (name === SEED || name === EDGE) return;
      const same = parameters.get(name) ?? [];
      same.push({ stage, at, type: types[at] as CaptureType, singles, value: all[at] as Capture });
      parameters.set(name, same);
    });
  };
  for (const { shape, values: own } of stagesOf(query)) if (takesLambdas(shape.way) && !(isMapped(query) && shape.depth === 1)) take(shape.depth - 1, shape.way, own);
  if (takesLambdas(node.way)) take(query.shape.depth, node.way, values);
  return parameters;
}

/** Other stages have values under names of the library's own. */
const takesLambdas = ({ text }: Way): boolean => text !== "";

/** Whether the first stage belongs to the source. */
const isMapped = ({ source }: BoundQuery): boolean => source.kind === "range" && source.mapped;

/** From the first verb to the last. */
function stagesOf(query: BoundQuery): readonly BoundQuery[] {
  const stages: BoundQuery[] = [];
  for (let at = query; at.parent !== null; at = at.parent) stages.push(at);
  return stages.reverse();
}

/** `source`: undefined for the one that the query has. Throws QueryError where source or captures are not what the query was prepared for. */
export function rebound(bound: BoundTerminal, parameters: Parameters, source: unknown, captures: Captures | undefined): BoundTerminal {
  const given = newValues(parameters, captures);
  let query = rootOf(bound.query, source);
  let same = true;
  for (const stage of stagesOf(bound.query)) {
    const values = valuesOf(stage.values, given.get(stage.shape.depth - 1));
    same &&= hasTypes(stage.shape.way, values);
    query = { ...stage, source: query.source, parent: query, values, shape: same ? stage.shape : stageAgain(query.shape, stage.shape, values) };
  }
  const { node } = bound;
  const values = valuesOf(bound.values, given.get(bound.query.shape.depth));
  return { ...bound, query, values, node: same && hasTypes(node.way, values) ? node : terminalAgain(query.shape, node, values) };
}

const hasTypes = ({ types, singles }: Way, values: readonly Capture[]): boolean => types.every((type, at) => type.kind !== "number" || hasType(values[at] as Capture, type, singles));

function valuesOf(values: readonly Capture[], changed: ReadonlyMap<number, Capture> | undefined): readonly Capture[] {
  return changed === undefined ? values : values.map((value, at) => changed.get(at) ?? value);
}

/** By stage and place. */
function newValues(parameters: Parameters, captures: unknown): ReadonlyMap<number, ReadonlyMap<number, Capture>> {
  const given = new Map<number, Map<number, Capture>>();
  for (const [name, value] of Object.entries(checkRecord(parameters, captures))) {
    for (const { stage, at } of checkCapture(parameters, name, value)) {
      const own = given.get(stage) ?? new Map<number, Capture>();
      given.set(stage, own.set(at, value as Capture));
    }
  }
  return given;
}

function checkRecord(parameters: Parameters, captures: unknown): object {
  if (captures === undefined) return {};
  if (typeof captures === "object" && captures !== null && !Array.isArray(captures) && !ArrayBuffer.isView(captures)) return captures;
  throw new QueryError("DC302", `a prepared query takes captures as an object of names and values, not ${describe(captures)}`, `Hand them over by name: run(array, { ${[...parameters.keys()][0] ?? "k"}: 2 }).`);
}

function checkCapture(parameters: Parameters, name: string, value: unknown): readonly Parameter[] {
  const places = parameters.get(name);
  const [first, ...others] = places ?? [];
  if (first === undefined) {
    const known = [...parameters.keys()];
    throw new QueryError("DC303", `the prepared query has no capture ${JSON.stringify(name)}`, known.length === 0 ? "None of its lambdas has captures: leave it out." : `Its captures are ${known.join(", ")}.`);
  }
  if (others.some(other => !Object.is(other.value, first.value))) {
    throw new QueryError("DC303", `the capture ${name} has different values in several lambdas of the prepared query, so it is not clear which one is meant`, "Give them different names, before the query is prepared.");
  }
  if (first.type.kind === "function") {
    throw new QueryError("DC302", `the capture ${name} is a function, whose text is part of the prepared kernel`, "Prepare one query for each function.");
  }
  if (hasType(value as Capture, first.type, false)) return [first, ...others];
  throw new QueryError("DC302", `the capture ${name} is ${describe(value)}, but the query was prepared for ${kindInWords(first.type)}`, "Hand over a value of the same kind, or prepare another query for this one.");
}

function kindInWords(type: CaptureType): string {
  switch (type.kind) {
    case "number":
    case "boolean":
    case "string":
    case "function":
      return `a ${type.kind}`;
    case "bigint":
      return "a BigInt";
    case "strings":
      return "a list of strings";
    case "array":
      return withArticle(ELEMENTS[type.element].array);
    default:
      return type satisfies never;
  }
}

/** The source alone. */
function rootOf(query: BoundQuery, source: unknown): BoundQuery {
  let root = query;
  while (root.parent !== null) root = root.parent;
  if (source === undefined) return root;
  if (root.source.kind === "range") throw new QueryError("DC301", "the query was prepared for a range, and stays with it", "Leave the source out: run(undefined, { k: 2 }).");
  return { ...root, source: checkSource(bindSource(source), root.shape.source) };
}

/** A source that holds what the query was prepared for. */
function checkSource(source: BoundSource, wanted: SourceShape): BoundSource {
  if (source.kind !== "stream" && source.kind !== "range" && isSameShape(shapeOfSource(source), wanted)) return source;
  const given = source.kind === "stream" ? "a stream" : shapeInWords(shapeOfSource(source));
  throw new QueryError("DC301", `the query was prepared for ${shapeInWords(wanted)}, and is given ${given}`, "Hand over what holds the same, or prepare another query for this source.");
}

function isSameShape(one: SourceShape, other: SourceShape): boolean {
  if (one.kind === "array") return other.kind === "array" && one.element === other.element;
  if (one.kind !== "columns" || other.kind !== "columns") return false;
  return one.columns.size === other.columns.size && [...one.columns].every(([name, type]) => other.columns.get(name) === type);
}

function shapeInWords(shape: SourceShape): string {
  switch (shape.kind) {
    case "range":
      return "a range";
    case "array":
      return shape.element === "string" ? "strings" : withArticle(ELEMENTS[shape.element].array);
    case "columns":
      return `{ ${shownNames(shape.columns.keys()).map(name => `${name}: ${columnInWords(shape.columns, name)}`).join(", ")} }`;
    default:
      return shape satisfies never;
  }
}
