/** How a kernel would run, in words, as data, and as code. */
import { QueryError } from "../../fusion/errors.js";
import { cppPreludeOf } from "../../fusion/emit/cpp.js";
import { cudaPrelude } from "../../fusion/emit/constants.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { ELEMENTS } from "../../fusion/types.js";
import { isShared } from "../backends/cpu/sharing.js";
import type { BackendName } from "../backends/backend.js";
import { showBuffer } from "../memory/show.js";
import { codeOf, compiledInWords, type SourceLanguage } from "../query/code.js";
import { checkLanguage } from "../query/explain.js";
import { describe, quote } from "../query/given.js";
import { checkOptions } from "../query/options.js";
import type { SpaceRoutine } from "./kernel.js";
import { isBuffer, plainArguments } from "./buffers.js";
import type { AskedKernel, KernelArgument, SpaceExplanation } from "./types.js";

const REMEDY = 'Write { format: "text" }, { format: "json" } or { arguments: [x, y, out, 2] }.';

const ORDERS = { any: "all indices at once", ascending: "one index after the other", race: "two indices to one place" } as const satisfies Record<SpaceExplanation["order"], string>;

export function explainKernel(routine: SpaceRoutine, insists: BackendName | null, options: unknown): string | SpaceExplanation {
  const { format = "text", arguments: given, size } = checkOptions(options, "explain", ["format", "arguments", "size"], REMEDY);
  if (format !== "text" && format !== "json") throw new QueryError("DC305", `explain() of a kernel is told the format ${quote(format)}`, REMEDY);
  routine.core.check();
  const explanation = explanationOf(routine, insists, given, size);
  return format === "json" ? explanation : inWords(explanation);
}

/** A kernel's code, as it would be compiled. */
export function kernelSource(routine: SpaceRoutine, language: SourceLanguage, options: unknown): string {
  checkLanguage(language);
  routine.core.check();
  const { arguments: given, size } = checkOptions(options, "source", ["arguments", "size"], "Write { arguments: [x, y, out, 2] }.");
  const prepared = preparedFor(routine, given, size);
  const { name } = routine.definition;
  if (prepared === null) throw new QueryError("DC313", `the kernel ${name} has not been called yet, and its code depends on the types of its arguments`, `Say what it would be called with: ${name}.source("${language}", { arguments: [${routine.parameters.join(", ")}] }).`);
  const { kernel } = prepared.slot;
  const prelude = { js: [], cpp: [cppPreludeOf([kernel])], cuda: [cudaPrelude] }[language];
  return [...prelude, codeOf(kernel, language, "kernel_1")].join("\n");
}

/** What a runtime asks before a call: of one with these arguments, or of the last one. */
export function askedOf(routine: SpaceRoutine, insists: BackendName | null, verb: string, { arguments: given, size }: { readonly arguments?: unknown; readonly size?: unknown }): AskedKernel {
  const prepared = preparedFor(routine, given, size);
  const { name } = routine.definition;
  if (prepared === null) throw new QueryError("DC313", `${verb}() is asked about the kernel ${name}, which has not been called yet and is compiled for the types of its arguments`, `Say what it would be called with: runtime.${verb}(${name}, { arguments: [${routine.parameters.join(", ")}] }).`);
  const { verdict, variant, slot, call } = prepared;
  if (verdict.kind === "race") throw variant.race(verdict);
  return { core: routine.core, slot, backend: insists, elements: call.length };
}

function explanationOf(routine: SpaceRoutine, insists: BackendName | null, given: unknown, size: unknown): SpaceExplanation {
  const { name, text, dimensions } = routine.definition;
  const known = { name, text, dimensions };
  const prepared = preparedFor(routine, given, size);
  if (prepared === null) return { ...known, arguments: null, size: [], writes: [], order: "any", because: "", backend: null, reason: "it has not been called yet, and is compiled for the types of its arguments" };
  const { slot, verdict, call, args, plain, variant, sizes } = prepared;
  const { unusual } = routine.core;
  const called = { ...known, ...(unusual === null ? {} : { compiled: unusual }), arguments: args.map(typeInWords), size: sizes.slice(0, dimensions), writes: variant.writtenIn(plain).map(([array]) => array), order: verdict.kind };
  if (verdict.kind === "race") return { ...called, because: variant.raceInWords(verdict), backend: null, reason: "a call is refused (DC210): let each index write to a place of its own" };
  const { tiers } = routine.core;
  const { backend, reason } = tiers.preview(slot, insists, call.length);
  const { threads } = tiers;
  const shared = backend === "cpu" && threads > 1 && isShared(slot.kernel, call.length) ? `; shared by up to ${threads} threads` : "";
  return {
    ...called,
    because: verdict.kind === "any" ? "each index writes to places of its own, and reads nothing that another one writes" : `${variant.arrayOf(verdict.site)}: ${verdict.reason}`,
    backend,
    reason: `${reason}${shared}`,
  };
}

/** For the arguments that are given, or else those of the last call; null if there are none, or their arrays are gone. */
function preparedFor(routine: SpaceRoutine, given: unknown, size: unknown) {
  if (given !== undefined && !Array.isArray(given)) throw new QueryError("DC305", `arguments is a list of what the kernel would be called with, not ${describe(given)}`, REMEDY);
  const { last } = routine;
  const kept = given === undefined && last !== null ? last.args.map(arg => (arg instanceof WeakRef ? arg.deref() : arg)) : null;
  const args = (given ?? kept) as readonly (KernelArgument | undefined)[] | null;
  if (args === null || args.includes(undefined)) return null;
  const whole = args as readonly KernelArgument[];
  // Nothing is transferred for an explanation.
  const plain = plainArguments(routine.core, whole, true);
  const variant = routine.variantFor(plain);
  const sizes = given === undefined && size === undefined && last !== null ? last.sizes : routine.sizeOf(whole, plain, size, variant);
  return { ...variant.judgedFor(plain, sizes), args: whole, plain, variant, sizes };
}

function typeInWords(arg: KernelArgument): string {
  if (isBuffer(arg)) return showBuffer(arg);
  const element = elementTypeOf(arg);
  return element === undefined ? typeof arg : `${ELEMENTS[element].array}(${(arg as AnyTypedArray).length})`;
}

function inWords({ name, text, arguments: args, size, writes, order, because, compiled, backend, reason }: SpaceExplanation): string {
  const head = `kernel(${JSON.stringify(name)}, ${text.replaceAll(/\s+/g, " ")})`;
  if (args === null) return `${head}\n\n  ${reason}\n`;
  const lines = [
    `called with ${args.join(", ")}`,
    `over ${size.join(" × ")} ${size.length === 1 && size[0] === 1 ? "index" : "indices"}`,
    `writes ${writes.join(", ")}, ${ORDERS[order]}: ${because}`,
    ...(compiled === undefined ? [] : [compiledInWords(compiled)]),
    order === "race" ? reason : `${backend ?? "js"}: ${reason}`,
  ];
  return `${head}\n\n${lines.map(line => `  ${line}\n`).join("")}`;
}

