/** Queries to JSON: their verbs, lambdas and captures, and what their sources must be. */
import { CompilerBug } from "../../fusion/errors.js";
import { SEED, type StageShape } from "../../fusion/query.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { BoundQuery, BoundTerminal } from "../query/bound.js";
import { isSameSource, shapeOfSource, type BoundSource } from "../query/source.js";
import type { Capture } from "../query/types.js";
import { VERSION, type ArrayJson, type BranchJson, type CapturesJson, type ChainJson, type OtherJson, type QueryJson, type SourceJson } from "./format.js";
import { terminalJson, type LazyTerminal, type TerminalJson } from "./terminals.js";
import { arrayJson, arrayName, numberJson, valueJson } from "./values.js";
import { STAGES, type Given, type StageJson } from "./verbs.js";

/** `terminal`: that of a lazy value is stored, too. */
export function queryJson(bound: BoundTerminal): QueryJson {
  const { query, node } = bound;
  const writer = new Writer();
  writer.source(query.source);
  const chain = writer.chain(query);
  const { kind } = node;
  const lazy = kind === "toArray" || kind === "toColumns" || kind === "firstBy" ? {} : { terminal: writer.terminal(bound) };
  return { dotcompute: VERSION, sources: writer.sources(), ...(writer.arrays.length === 0 ? {} : { arrays: writer.arrays }), ...chain, ...lazy };
}

/** What a source must be. */
export function sourceJson(source: BoundSource): SourceJson {
  const shape = shapeOfSource(source);
  switch (shape.kind) {
    case "range":
      return { range: true };
    case "array":
      return { array: arrayName(shape.element) };
    case "columns":
      return { columns: [...shape.columns].map(([name, element]) => [name, arrayName(element)] as const) };
    default:
      return shape satisfies never;
  }
}

/** What has been written, and must not be written twice. */
class Writer {
  readonly arrays: ArrayJson[] = [];
  private readonly places = new Map<AnyTypedArray, number>();
  private readonly known: BoundSource[] = [];

  sources(): readonly SourceJson[] {
    return this.known.map(sourceJson);
  }

  /** The place of a source: the same for queries over the same arrays. */
  source(source: BoundSource): number {
    const known = this.known.findIndex(other => isSameSource(other, source));
    return known < 0 ? this.known.push(source) - 1 : known;
  }

  value(value: Capture) {
    return valueJson(value, array => this.placeOf(array));
  }

  private placeOf(array: AnyTypedArray): number {
    let place = this.places.get(array);
    if (place === undefined) {
      place = this.arrays.push(arrayJson(array)) - 1;
      this.places.set(array, place);
    }
    return place;
  }

  chain(query: BoundQuery): ChainJson {
    const { fastMath } = query.shape;
    return { stages: this.stages(query, 0), ...(fastMath ? { fastMath } : {}), ...(query.backend === null ? {} : { on: query.backend }) };
  }

  /** Those behind so many. */
  private stages(query: BoundQuery, depth: number): readonly StageJson[] {
    const stages: StageJson[] = [];
    for (const { shape, values } of stagesOf(query).slice(depth)) stages.push(stageJson(shape.stage as StageShape, this.given(shape.way.names, values)));
    return stages;
  }

  terminal({ query, node, values, branches = [] }: BoundTerminal): TerminalJson {
    const { terminal } = node;
    if (terminal.kind !== "together") return terminalJson(terminal as LazyTerminal, this.given(node.way.names, values), () => this.value(values.at(-1) as Capture));
    return {
      verb: terminal.verb,
      branches: branches.map(({ name, terminal: own }): BranchJson => ({
        ...(terminal.verb === "aggregate" ? { name } : {}),
        stages: this.stages(own.query, query.shape.depth),
        ...(own.query.backend === query.backend || own.query.backend === null ? {} : { on: own.query.backend }),
        terminal: this.terminal(own),
      })),
    };
  }

  given(names: readonly string[], values: readonly Capture[]): Given {
    const otherOf = (fromEnd: number): BoundQuery => values.at(-fromEnd) as unknown as BoundQuery;
    const written = (query: BoundQuery): OtherJson => ({ source: this.source(query.source), ...this.chain(query) });
    return {
      captures: of => {
        const own = names.flatMap((name, at) => (name !== SEED && (of === undefined || Object.hasOwn(of, name)) ? [[name, this.value(values[at] as Capture)] as const] : []));
        return own.length === 0 ? {} : { captures: Object.fromEntries(own) as CapturesJson };
      },
      values: () => values.map(value => this.value(value)),
      number: at => numberJson(values.at(at) as number),
      other: fromEnd => written(otherOf(fromEnd)),
      value: at => this.value(values.at(at) as Capture),
      keys: fromEnd => {
        const { parent, shape, values: own } = otherOf(fromEnd);
        if (parent === null || shape.stage === null) throw new CompilerBug("the keys of another query are the query itself");
        return { other: () => written(parent), stage: shape.stage, given: this.given(shape.way.names, own) };
      },
    };
  }
}

/** From the first verb to the last. */
function stagesOf(query: BoundQuery): readonly BoundQuery[] {
  const stages: BoundQuery[] = [];
  for (let at = query; at.parent !== null; at = at.parent) stages.push(at);
  return stages.reverse();
}

const stageJson = <K extends StageShape["kind"]>(stage: StageShape & { readonly kind: K }, given: Given): StageJson => STAGES[stage.kind](stage, given);
