/** Stages and terminals again, behind another stage or with captures of other types: what shapes intern, they find. */
import { CompilerBug } from "../../fusion/errors.js";
import type { CaptureTypes, LambdaInput, StageShape, TerminalShape } from "../../fusion/query.js";
import type { ShapeNode } from "./shape.js";
import type { TerminalNode } from "./terminal.js";
import type { Capture, Captures } from "./types.js";

/** The node of the same stage behind `parent`, for captures of these values. */
export function stageAgain(parent: ShapeNode, node: ShapeNode, values: readonly Capture[]): ShapeNode {
  const { kind, way } = node;
  if (kind === null) throw new CompilerBug("a source is behind nothing");
  const { text, detail } = way;
  const captures = capturesOf(way.names, values);
  return parent.find(kind, text, detail, captures) ?? parent.add({ kind, verb: way.verb, text, detail, captures, single: way.singles, build: types => withTypes(node.stage as StageShape, types) });
}

/** The same of a terminal. */
export const terminalAgain = (parent: ShapeNode, node: TerminalNode, values: readonly Capture[]): TerminalNode =>
  parent.terminalLike(node, capturesOf(node.way.names, values), types => withTypes(node.terminal, types));

const capturesOf = (names: readonly string[], values: readonly Capture[]): Captures => Object.fromEntries(names.map((name, at) => [name, values[at] as Capture]));

/** What was parsed stays as it is: only of which class captured numbers are has changed. */
function withTypes<Part extends StageShape | TerminalShape>(part: Part, types: CaptureTypes): Part {
  const own = (captures: CaptureTypes): CaptureTypes => Object.fromEntries(Object.entries(captures).map(([name, type]) => [name, types[name] ?? type]));
  const input = <Input extends LambdaInput | null>(given: Input): Input => given && { ...given, captures: own(given.captures) };
  return {
    ...part,
    ...("captures" in part ? { captures: own(part.captures) } : {}),
    ...("key" in part ? { key: input(part.key) } : {}),
    ...("combine" in part ? { combine: input(part.combine) } : {}),
    ...("aggregates" in part ? { aggregates: part.aggregates.map(one => ({ ...one, value: input(one.value) })) } : {}),
  };
}
