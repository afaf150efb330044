/** What kernels need not store: arrays of their own table, as they are, and what they store already. */
import { CompilerBug } from "../errors.js";
import type { Expr, Kernel } from "../ir.js";
import { SINGLE, TABLE, type Plan, type PlannedKernel, type TableStep } from "../query.js";
import { elementsOf, withResults } from "../several.js";
import { alwaysYields, canFail, hasLoops } from "../traverse.js";
import type { ElementType } from "../types.js";
import { verify } from "../verify.js";
import { prune } from "./prune.js";
import { sameExpr } from "./simplify.js";

/** The name of the array that a value is, `SINGLE` for that of single values; null for a value that is computed, or stored as another type. */
function copied({ source, arrays, body }: Kernel, value: Expr, element: ElementType): string | null {
  if (value.kind === "element") return source.kind === "array" && source.element === element ? SINGLE : null;
  const declared = value.kind === "local" ? body.find(stmt => stmt.kind === "declare" && stmt.name === value.name) : undefined;
  const column = declared?.kind === "declare" ? declared.value : value;
  if (column.kind !== "column" || column.offset !== undefined) return null;
  const array = arrays.find(({ name }) => name === column.array);
  return array?.origin.stage === TABLE && array.element === element ? array.origin.name : null;
}

/** Steps whose tables hold arrays of their own; other steps hand on views, or arrays as they are. */
const MAKES_ARRAYS: readonly TableStep["kind"][] = ["reverse", "distinct", "sort", "concat", "set", "join", "match", "group"];

/** Whether every element yields, and none fails or keeps the others waiting. */
const yieldsAll = (kernel: Kernel): boolean => alwaysYields(kernel) && !canFail(kernel) && !hasLoops(kernel.body);

/** Kernels with the shortcuts that a run may take. What the user is given is always an array of its own; a quantile is selected from any. */
export function withShortcuts({ kernels, steps, finish }: Plan): readonly PlannedKernel[] {
  return kernels.map((planned, at) => {
    const last = at === kernels.length - 1;
    const own = !last || finish.kind === "quantile" || MAKES_ARRAYS.includes(steps.findLast(({ table }) => table === planned.table)?.kind ?? "slice");
    return withShortcut(planned, last, own);
  });
}

function withShortcut(planned: PlannedKernel, last: boolean, own: boolean): PlannedKernel {
  const { kernel } = planned;
  if (kernel.sink.kind === "count") return yieldsAll(kernel) ? { ...planned, takes: [] } : planned;
  const stmt = kernel.body.at(-1);
  if (stmt?.kind !== "yield" || (kernel.sink.kind !== "array" && kernel.sink.kind !== "several")) return planned;
  const elements = elementsOf(kernel);
  const whole = yieldsAll(kernel);
  const takes: (number | string)[] = [];
  const kept: number[] = [];
  elements.forEach((element, place) => {
    const value = stmt.values[place];
    if (value === undefined) throw new CompilerBug("a sink is given no value");
    const name = whole && own ? copied(kernel, value, element) : null;
    const twin = last ? undefined : kept.findIndex(other => elements[other] === element && sameExpr(stmt.values[other] as Expr, value));
    if (name !== null && !(last && takes.includes(name))) takes.push(name);
    else if (twin !== undefined && twin >= 0) takes.push(twin);
    else takes.push(kept.push(place) - 1);
  });
  if (elements.length === 0 || kept.length === elements.length) return planned;
  return { ...planned, takes, kernel: kept.length === 0 ? kernel : verify(prune(withResults(kernel, kept)), "shortcuts") };
}
