/** What `createRuntime` is given. */
import { QueryError } from "../../fusion/errors.js";
import { OWN_BACKENDS, quotedBackends, type BackendName } from "../backends/backend.js";
import { TARGETS } from "../backends/cpu/levels.js";
import { threadsFor } from "../backends/cpu/threads.js";
import { checkCacheOptions } from "../cache/options.js";
import { describe, quote } from "../query/given.js";
import { checkOptions as checkNames } from "../query/options.js";
import { checkResilience } from "./resilience.js";
import { LOG_LEVELS } from "../telemetry/levels.js";
import type { RuntimeOptions } from "./runtime.js";

const OPTIONS = { cacheFolder: "string", compiler: "string", threads: "number", log: "function", onRun: "function", telemetry: "object", logger: "object", decorate: "function", resilience: "object", cache: "object", compile: "object", cuda: "object" } as const;
const COMPILE_OPTIONS = { optimisation: "number", debug: "boolean", fastMath: "boolean" } as const;
const CUDA_OPTIONS = { driver: "string", nvrtc: "string", device: "number", devices: "object", memoryBytes: "number", capability: "string" } as const;
const WORDS = { string: "a text", function: "a function", object: "an object", number: "a number", boolean: "true or false" } as const;

export function checkOptions(options: RuntimeOptions): void {
  checkNames(options, "createRuntime", ["backend", "plugins", "target", "selection", "validate", "onMismatch", "logLevel", ...namesOf(OPTIONS)], 'Write createRuntime({ backend: "js" }), or leave them out.');
  checkKinds(options, OPTIONS, "");
  const { backend, cache, compile = {}, cuda = {}, plugins = [], threads, target = "native", selection = "order", validate = 0, onMismatch = "throw" } = options;
  checkPlugins(plugins);
  checkResilience(options.resilience);
  if (!TARGETS.includes(target)) {
    throw new QueryError("DC305", `the option target of createRuntime() is one of ${TARGETS.map(name => `"${name}"`).join(", ")}, not ${quote(target)}`, "Leave it out for kernels of this very processor.");
  }
  if (selection !== "order" && selection !== "adaptive") {
    throw new QueryError("DC305", `the option selection of createRuntime() is "order" or "adaptive", not ${quote(selection)}`, "Leave it out for the order of the backends.");
  }
  if (validate !== "always" && !(typeof validate === "number" && validate >= 0 && validate <= 1)) {
    throw new QueryError("DC305", `the option validate of createRuntime() is "always" or a share of runs, 0 to 1, not ${describe(validate)}`, "Leave it out to validate nothing.");
  }
  if (onMismatch !== "throw" && typeof onMismatch !== "function") {
    throw new QueryError("DC305", `the option onMismatch of createRuntime() is "throw" or a function, not ${describe(onMismatch)}`, "Leave it out for a line in the log.");
  }
  checkCacheOptions(cache);
  checkNames(compile, "createRuntime", namesOf(COMPILE_OPTIONS), "Write compile: { optimisation: 1, debug: true }, or leave it out.", "compile.");
  checkKinds(compile, COMPILE_OPTIONS, "compile.");
  if (![undefined, 0, 1, 2, 3].includes(compile.optimisation)) {
    throw new QueryError("DC305", `the option compile.optimisation of createRuntime() is 0, 1, 2 or 3, not ${describe(compile.optimisation)}`, "Leave it out for the fastest kernels, 3.");
  }
  if (threads !== undefined) threadsFor(threads);
  if (backend !== undefined) checkBackends(backend, [...OWN_BACKENDS, ...plugins.map(({ name }) => name)]);
  checkNames(cuda, "createRuntime", namesOf(CUDA_OPTIONS), "Leave cuda out for what the system finds.", "cuda.");
  checkKinds(cuda, CUDA_OPTIONS, "cuda.");
  checkObservers(options);
  const { device = 0, capability = "8.0" } = cuda;
  if (!/^\d{1,2}\.\d$/.test(capability)) {
    throw new QueryError("DC305", `the option cuda.capability of createRuntime() is a compute capability such as "8.0", not ${quote(capability)}`, "Leave it out for kernels of the very device.");
  }
  if (!Number.isInteger(device) || device < 0) {
    throw new QueryError("DC305", `the option cuda.device of createRuntime() is a device's number, 0, 1 …, not ${describe(device)}`, "Leave it out for the first device.");
  }
  const { memoryBytes = 0 } = cuda;
  if (!Number.isSafeInteger(memoryBytes) || memoryBytes < 0) {
    throw new QueryError("DC305", `the option cuda.memoryBytes of createRuntime() is a number of bytes, not ${describe(memoryBytes)}`, "Write 2 ** 30, or leave it out for all that there are.");
  }
  if (cuda.devices !== undefined) checkDevices(cuda.devices, cuda.device);
}

function checkObservers({ telemetry, logger, logLevel = "info" }: RuntimeOptions): void {
  if (telemetry !== undefined && !(has(telemetry.trace, ["getTracer", "getTracerProvider", "setSpan"]) && has(telemetry.metrics, ["getMeter"]) && has(telemetry.context, ["active"]))) {
    throw new QueryError("DC305", `the option telemetry of createRuntime() is OpenTelemetry's API, not ${describe(telemetry)}`, 'Write import * as api from "@opentelemetry/api", and createRuntime({ telemetry: api }).');
  }
  if (logger !== undefined && !has(logger, LOG_LEVELS)) {
    throw new QueryError("DC305", `the option logger of createRuntime() has the methods ${LOG_LEVELS.join(", ")}; what was given lacks ${LOG_LEVELS.filter(level => !has(logger, [level])).join(", ")}`, "Write createRuntime({ logger: console }), or hand over a logger as pino makes them.");
  }
  if (!LOG_LEVELS.includes(logLevel)) {
    throw new QueryError("DC305", `the option logLevel of createRuntime() is one of ${LOG_LEVELS.map(level => `"${level}"`).join(", ")}, not ${quote(logLevel)}`, 'Leave it out for "info".');
  }
}

const has = (given: unknown, methods: readonly string[]): boolean => typeof given === "object" && given !== null && methods.every(name => typeof (given as Record<string, unknown>)[name] === "function");

const namesOf = <Name extends string>(options: Readonly<Record<Name, unknown>>): readonly Name[] => Object.keys(options) as Name[];

function checkKinds(given: object, kinds: Readonly<Record<string, keyof typeof WORDS>>, of: string): void {
  for (const [name, kind] of Object.entries(kinds)) {
    const value = (given as Record<string, unknown>)[name];
    if (value === undefined || (typeof value === kind && value !== null)) continue;
    throw new QueryError("DC305", `the option ${of}${name} of createRuntime() is ${WORDS[kind]}, not ${describe(value)}`, "Leave it out for the usual.");
  }
}

function checkDevices(devices: unknown, device: number | undefined): void {
  const remedy = "Write cuda: { devices: [0, 1] }, or leave it out for the first device.";
  const numbers: readonly unknown[] = Array.isArray(devices) ? devices : [devices];
  const wrong = numbers.find(number => !Number.isInteger(number) || (number as number) < 0);
  if (wrong !== undefined) throw new QueryError("DC305", `the option cuda.devices of createRuntime() is an array of devices' numbers, 0, 1 …, not one with ${describe(wrong)}`, remedy);
  if (numbers.length === 0 || new Set(numbers).size < numbers.length) {
    throw new QueryError("DC305", `the option cuda.devices of createRuntime() names ${numbers.length === 0 ? "none" : "the same device twice"}`, remedy);
  }
  if (device !== undefined) throw new QueryError("DC305", "createRuntime() was given both cuda.device and cuda.devices", "Leave one of them out.");
}

function checkBackends(backend: unknown, known: readonly BackendName[]): void {
  const names: readonly unknown[] = Array.isArray(backend) ? backend : [backend];
  const unknown = names.find(name => !known.includes(name as BackendName));
  if (unknown !== undefined) {
    throw new QueryError("DC305", `there is no backend ${quote(unknown)}`, `The backends are ${quotedBackends(known)}; leave the option out to let the runtime choose.`);
  }
  if (names.length === 0 || new Set(names).size < names.length) {
    const told = names.length === 0 ? "none" : "the same backend twice";
    throw new QueryError("DC305", `the option backend of createRuntime() names ${told}`, 'Write backends in order of preference, ["cuda", "cpu"], or leave the option out.');
  }
}

function checkPlugins(plugins: unknown): void {
  const remedy = "An accelerator is an object with a name and compile(kernel), or with a name and create(), which gives one.";
  if (!Array.isArray(plugins)) throw new QueryError("DC305", `the option plugins of createRuntime() is an array of accelerators, not ${describe(plugins)}`, remedy);
  const names = new Set<unknown>(OWN_BACKENDS);
  for (const plugin of plugins as readonly unknown[]) {
    const { name, compile, create } = (typeof plugin === "object" && plugin !== null ? plugin : {}) as { readonly name?: unknown; readonly compile?: unknown; readonly create?: unknown };
    if (typeof name !== "string" || name === "" || (typeof compile !== "function" && typeof create !== "function")) {
      throw new QueryError("DC305", `the option plugins of createRuntime() holds accelerators, not ${describe(plugin)}`, remedy);
    }
    if (names.has(name)) throw new QueryError("DC305", `two accelerators are called ${quote(name)}`, "Give each plugin a name of its own, other than those of the library's backends.");
    names.add(name);
  }
}
