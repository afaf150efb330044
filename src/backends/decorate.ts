/** Accelerators around accelerators: for logs, meters, and faults on purpose. */
import type { Kernel } from "../../fusion/ir.js";
import type { Accelerator, CompileHow, Runnable } from "./accelerator.js";
import type { KernelCall, KernelResult } from "./backend.js";

/** What happens beside what an accelerator does. */
export interface Decoration {
  /** Before a kernel is compiled. What it throws, the compiler has failed with. */
  compile?(kernel: Kernel): void;
  /** Before a kernel runs, now or beside the calling thread. What it throws, the run has failed with. */
  run?(kernel: Kernel, call: KernelCall): void;
  /** What is taken for a run's result. */
  result?(kernel: Kernel, result: KernelResult, call: KernelCall): KernelResult;
}

/**
 * An accelerator that does what another one does, and something beside it.
 *
 * @example
 * const logged = (accelerator: Accelerator) => plugin.decorated(accelerator, { run: (kernel, call) => console.log(accelerator.name, call.length) });
 * const runtime = createRuntime({ decorate: logged });
 */
export function decorated(accelerator: Accelerator, { compile, run, result }: Decoration): Accelerator {
  const around = (kernel: Kernel, inner: Runnable): Runnable => ({
    run(call) {
      run?.(kernel, call);
      const given = inner.run(call);
      return result?.(kernel, given, call) ?? given;
    },
    async start(call, signal) {
      run?.(kernel, call);
      const given = await (inner.start === undefined ? inner.run(call) : inner.start(call, signal));
      return result?.(kernel, given, call) ?? given;
    },
  });
  const own: Partial<Accelerator> = {
    compile(kernel) {
      compile?.(kernel);
      return around(kernel, accelerator.compile(kernel));
    },
    ...(accelerator.cached === undefined ? {} : { cached: (kernel: Kernel) => mapped(accelerator.cached?.(kernel) ?? null, found => around(kernel, found)) }),
    ...(accelerator.compileAsync === undefined ? {} : { compileAsync: async (kernel: Kernel, how?: CompileHow) => (compile?.(kernel), around(kernel, await (accelerator.compileAsync as Later)(kernel, how))) }),
  };
  return overlaid(accelerator, own);
}

type Later = Required<Accelerator>["compileAsync"];

const mapped = <A, B>(value: A | null, map: (value: A) => B): B | null => (value === null ? null : map(value));

/** The same object, but for some of its properties. A proxy, for classes may keep what is private to them. */
export function overlaid<T extends object>(object: T, own: Partial<T>): T {
  return new Proxy(object, {
    get(target, key) {
      if (Object.hasOwn(own, key)) return own[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
    has: (target, key) => Object.hasOwn(own, key) || Reflect.has(target, key),
  });
}
