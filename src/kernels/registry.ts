/** The kernels of one runtime, by name. */
import { QueryError } from "../../fusion/errors.js";
import { textOf } from "../query/captures.js";
import { quote } from "../query/given.js";
import type { RuntimeCore } from "../runtime/runtime.js";
import { defined, kernelOf, type Definition } from "./kernel.js";
import type { NamedKernel } from "./types.js";

export class Kernels {
  private readonly known = new Map<string, { readonly definition: Definition; readonly kernel: NamedKernel }>();

  constructor(private readonly core: RuntimeCore) {}

  /** A new kernel; or the one that there is, if it is the same. */
  define(...given: Parameters<typeof defined>): NamedKernel {
    const definition = defined(...given);
    const { name } = definition;
    const before = this.known.get(name);
    if (before !== undefined) {
      if (isSame(before.definition, definition)) return before.kernel;
      throw new QueryError("DC313", `there is another kernel ${name} in this runtime`, `Give it another name, or define it in a runtime of its own: createRuntime().kernel(${JSON.stringify(name)}, …).`);
    }
    const kernel = kernelOf(this.core, definition);
    this.known.set(name, { definition, kernel });
    return kernel;
  }

  named(name: unknown): NamedKernel {
    const found = typeof name === "string" ? this.known.get(name) : undefined;
    if (found !== undefined) return found.kernel;
    const names = [...this.known.keys()];
    throw new QueryError("DC313", `there is no kernel ${quote(name)} in this runtime`, names.length === 0 ? 'Define it first: runtime.kernel("saxpy", (i, …) => { … }).' : `Its kernels are ${names.join(", ")}.`);
  }

  list(): readonly NamedKernel[] {
    return [...this.known.values()].map(({ kernel }) => kernel);
  }
}

function isSame(one: Definition, other: Definition): boolean {
  if (one.text !== other.text || one.dimensions !== other.dimensions) return false;
  if ((one.size === null ? "" : textOf(one.size)) !== (other.size === null ? "" : textOf(other.size))) return false;
  const names = Object.keys(one.captures);
  return names.length === Object.keys(other.captures).length && names.every(name => isSameCapture(one.captures[name], other.captures[name]));
}

const isSameCapture = (one: unknown, other: unknown): boolean => Object.is(one, other) || (typeof one === "function" && typeof other === "function" && textOf(one) === textOf(other));
