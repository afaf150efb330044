/** What a runtime is asked about a query or a kernel before it runs. */
import { QueryError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import type { BackendName } from "../backends/backend.js";
import { checkBackend } from "../query/arguments.js";
import { onSource, stageValues, type BoundQuery, type BoundTerminal } from "../query/bound.js";
import { describe } from "../query/given.js";
import { checkOptions } from "../query/options.js";
import { collecting } from "../query/run.js";
import { isBound } from "../query/show.js";
import { sourceLength } from "../query/source.js";
import type { AskedKernel, ExplainedWith, NamedKernel } from "../kernels/types.js";
import type { RuntimeCore } from "./runtime.js";
import type { Choice } from "./selector.js";
import type { KernelSlot } from "./slot.js";
import { checkOnProgress, reporting, reportOf, succeeded } from "./progress.js";
import type { PrecompileOptions, Precompiled } from "./precompile.js";

/** What a query, or a kernel, would be run on. */
export interface Workload {
  /** How many elements; by default those of the query's own source. Of a named kernel how many indices; by default those of its call. */
  readonly length?: number | undefined;
}

/** What a named kernel would be called with; by default what it was last called with. */
export interface KernelWorkload<K extends NamedKernel<never, never> = NamedKernel> extends Workload {
  readonly arguments?: ExplainedAs<K>["arguments"];
  readonly size?: ExplainedAs<K>["size"];
}

/** What a named kernel would be called with, besides what is compiled for. */
export type KernelPrecompileOptions<K extends NamedKernel<never, never> = NamedKernel> = PrecompileOptions & Omit<KernelWorkload<K>, "length">;

type ExplainedAs<K> = K extends NamedKernel<infer A, infer D> ? ExplainedWith<A, D> : never;

export interface OptimalChoice extends Choice {
  /** For each kernel of the query, in the order in which they run; the choice itself is that of the first. */
  readonly kernels: readonly Choice[];
}

/** What is asked about: a query, with or without a terminal, or a kernel as plugins know it. Named kernels are asked about by themselves, or by their names. */
export type Computable = { readonly bound: BoundQuery | BoundTerminal } | Kernel;

export function optimalAccelerator(core: RuntimeCore, of: unknown, workload: unknown): OptimalChoice {
  const { length, ...call } = checkWorkload(of, workload, "optimalAccelerator", ["length"], "Write { length: 1_000_000 }, or leave it out for a query's own source.");
  if (length !== undefined && !(Number.isSafeInteger(length) && (length as number) >= 0)) {
    throw new QueryError("DC305", `the option length of optimalAccelerator() is a number of elements, not ${describe(length)}`, "Write { length: 1_000_000 }, or leave it out for a query's own source.");
  }
  const kernels = askedOf(core, of, "optimalAccelerator", call).flatMap(({ slots, backend, elements }) =>
    slots.map((slot, at) => core.tiers.preview(slot, backend, at === 0 ? ((length as number | undefined) ?? elements) : null)),
  );
  const [first = { backend: "js", reason: "there is no kernel to run" }] = kernels;
  return { ...first, kernels };
}

export async function precompile(core: RuntimeCore, of: unknown, how: unknown): Promise<readonly Precompiled[]> {
  const { accelerator, onProgress, ...call } = checkWorkload(of, typeof how === "string" ? { accelerator: how } : how, "precompile", ["accelerator", "onProgress"], 'Write "cpu", or { accelerator: "cpu", onProgress: ({ fraction }) => … }.');
  const tell = checkOnProgress(onProgress, describe);
  const signal = tell === undefined ? undefined : reporting(tell, undefined);
  const named = accelerator === undefined ? null : checkBackend(accelerator as BackendName, core.tiers.names);
  const asked = askedOf(core, of, "precompile", call).flatMap(({ slots, backend }) => slots.map((slot): readonly [KernelSlot, BackendName | null] => [slot, named ?? backend]));
  return succeeded(await core.tiers.precompile(asked, reportOf(signal)), signal);
}

interface Asked {
  readonly slots: readonly KernelSlot[];
  /** The backend that the query insists on. */
  readonly backend: BackendName | null;
  /** How many elements its source has; null if nobody knows. */
  readonly elements: number | null;
}

const isNamed = (of: unknown): of is Asking => typeof of === "string" || (typeof of === "function" && "kernelName" in of);

/** A named kernel; or what it is called. */
type Asking = string | { asked(verb: string, call: Call): AskedKernel };

interface Call {
  readonly arguments?: unknown;
  readonly size?: unknown;
}

/** Options: of named kernels also what they would be called with. */
const checkWorkload = <const Name extends string>(of: unknown, given: unknown, verb: string, names: readonly Name[], remedy: string): { readonly [N in Name]?: unknown } & Call =>
  isNamed(of) ? checkOptions<Name | "arguments" | "size">(given, verb, [...names, "arguments", "size"], `Write { arguments: [x, y, out, 2] }, or leave it out for those of the last call.`) : checkOptions(given, verb, names, remedy);

/** The queries that others take come before these. */
function askedOf(core: RuntimeCore, of: unknown, verb: string, call: Call): readonly Asked[] {
  if (isNamed(of)) {
    const kernel = typeof of === "string" ? (core.kernels.named(of) as unknown as Exclude<Asking, string>) : of;
    const { core: own, slot, backend, elements } = kernel.asked(verb, call);
    if (own !== core) throw new QueryError("DC305", `${verb}() was given a kernel of another runtime`, `Define it in this one: runtime.kernel(…), and hand it to runtime.${verb}().`);
    return [{ slots: [slot], backend, elements }];
  }
  if (typeof of === "object" && of !== null && "bound" in of) return terminalsOf(of as { readonly bound: BoundQuery | BoundTerminal }).flatMap(terminal => askedOfTerminal(core, terminal, verb));
  if (typeof of === "object" && of !== null && "sink" in of && "body" in of) return [{ slots: [core.slotOf(of as Kernel)], backend: null, elements: null }];
  throw new QueryError("DC305", `${verb}() takes a query or a kernel, not ${describe(of)}`, `Write runtime.${verb}(runtime.compute(signal).map(x => x * 2).sum()).`);
}

function terminalsOf(of: { readonly bound: BoundQuery | BoundTerminal; readonly terminals?: readonly BoundTerminal[] }): readonly BoundTerminal[] {
  const { bound } = of;
  return "node" in bound ? (of.terminals ?? [bound]) : [collecting(bound)];
}

function askedOfTerminal(core: RuntimeCore, terminal: BoundTerminal, verb: string): readonly Asked[] {
  const { query, node } = onSource(terminal);
  if (query.runtime !== core) throw new QueryError("DC305", `${verb}() was given a query of another runtime`, `Build it with this one: runtime.compute(…), and hand it to runtime.${verb}().`);
  const others = (stageValues(terminal).flat() as readonly unknown[]).filter(isBound);
  const before = others.flatMap(other => askedOfTerminal(core, collecting(other), verb));
  return [...before, { slots: core.slots(node), backend: query.backend, elements: query.source.kind === "stream" ? null : sourceLength(query.source) }];
}
