/** Kernels that compute nothing: they store an array of their table as it is, or what an earlier kernel of the table stores. */
import type { Kernel } from "../ir.js";
import { SINGLE, TABLE, type PlannedKernel, type TableStep } from "../query.js";

/** The name of the array that a kernel stores as it is, `SINGLE` for that of single values; null for one that does more. */
export function copied({ source, arrays, body, sink }: Kernel): string | null {
  const last = body.at(-1);
  if (sink.kind !== "array" || last?.kind !== "yield" || last.value === null) return null;
  if (!body.slice(0, -1).every(stmt => stmt.kind === "declare" && stmt.value.kind === "column")) return null;
  const { value } = last;
  if (value.kind === "element") return source.kind === "array" && source.element === sink.element ? SINGLE : null;
  const declared = value.kind === "local" ? body.find(stmt => stmt.kind === "declare" && stmt.name === value.name) : undefined;
  const column = declared?.kind === "declare" ? declared.value : value;
  if (column.kind !== "column") return null;
  const array = arrays.find(({ name }) => name === column.array);
  return array?.origin.stage === TABLE && array.element === sink.element ? array.origin.name : null;
}

/** Steps whose tables hold arrays of their own; other steps hand on views, or arrays as they are. */
const MAKES_ARRAYS: readonly TableStep["kind"][] = ["reverse", "distinct", "sort", "concat", "set", "join", "match", "group"];

/** Kernels with the shortcuts that a run may take. What the user is given is always an array of its own. */
export function withShortcuts(kernels: readonly PlannedKernel[], steps: readonly TableStep[]): readonly PlannedKernel[] {
  const last = kernels.at(-1)?.table;
  const own = MAKES_ARRAYS.includes(steps.findLast(({ table }) => table === last)?.kind ?? "slice");
  const given = new Set<string>();
  return kernels.map((planned, at) => {
    const name = copied(planned.kernel);
    if (planned.table === last) {
      if (name === null || !own || given.has(name)) return planned;
      given.add(name);
      return { ...planned, copies: name };
    }
    if (name !== null) return { ...planned, copies: name };
    const twin = kernels.findIndex(other => other.table === planned.table && storesTheSame(other.kernel, planned.kernel));
    return twin < at ? { ...planned, twin } : planned;
  });
}

/** Kernels are data: the same text is the same work. */
function storesTheSame(one: Kernel, other: Kernel): boolean {
  return one === other || (one.sink.kind === "array" && other.sink.kind === "array" && textOf(one) === textOf(other));
}

const textOf = (kernel: Kernel): string => JSON.stringify(kernel, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : Object.is(value, -0) ? "-0" : typeof value === "number" && !Number.isFinite(value) ? String(value) : value));
