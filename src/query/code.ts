/** The code that backends run, as text. */
import { emitCpp } from "../../fusion/emit/cpp.js";
import { emitCuda } from "../../fusion/emit/cuda.js";
import { emitJs } from "../../fusion/emit/js.js";
import type { Kernel } from "../../fusion/ir.js";
import { printKernel } from "../../fusion/print.js";
import type { SingleKernel } from "../../fusion/several.js";
import type { BackendName } from "../backends/backend.js";
import { partsOf } from "../backends/parts.js";
import type { UnusualCode } from "../runtime/runtime.js";

/** What code is emitted in. */
export type SourceLanguage = "js" | "cpp" | "cuda";

export function codeOf(kernel: Kernel, language: SourceLanguage, symbol: string): string {
  switch (language) {
    case "js":
      return emitJs(kernel);
    case "cpp":
      return partsOf("cpu", kernel).map((part, place, parts) => emitCpp(part, { symbol: partSymbol(symbol, place, parts) })).join("\n");
    case "cuda":
      return partsOf("cuda", kernel).map((part, place, parts) => emitCuda(part as SingleKernel, { symbol: partSymbol(symbol, place, parts) }).text).join("\n");
    default:
      return language satisfies never;
  }
}

const partSymbol = (symbol: string, place: number, { length }: readonly Kernel[]): string => (length === 1 ? symbol : `${symbol}_${place + 1}`);

/** What a backend has run; of one that is not the library's own the kernel itself. */
export function codeOn(kernel: Kernel, backend: BackendName): string {
  if (backend === "js") return codeOf(kernel, "js", "kernel");
  if (backend === "cpu") return codeOf(kernel, "cpp", "kernel");
  return backend === "cuda" ? codeOf(kernel, "cuda", "kernel") : printKernel(kernel);
}

/** How kernels are compiled, where that is not as usual. */
export function compiledInWords({ target, optimisation, debug, capability }: UnusualCode): string {
  const unusual = [
    ...(target === undefined ? [] : [`target ${target}`]),
    ...(optimisation === undefined ? [] : [`optimisation ${optimisation}`]),
    ...(debug === true ? ["debug information"] : []),
    ...(capability === undefined ? [] : [`PTX for compute capability ${capability} and later`]),
  ];
  return `compiled with ${unusual.join(", ")}`;
}
