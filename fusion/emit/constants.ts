/** What emitted text is compiled with, apart from what emits it: whoever asks for it alone need not load the emitters. */
import type { CodeOptions } from "./code.js";

/**
 * How emitted kernels are compiled, into a shared object. JavaScript has neither contracted multiply-adds nor undefined
 * overflow; it has no errno or traps either.
 */
export const CPP_FLAGS = [
  "-std=c++20",
  "-O3",
  "-march=native",
  "-ffp-contract=off",
  "-fwrapv",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-fno-exceptions",
  "-fno-rtti",
  "-fvisibility=hidden",
  "-shared",
  "-fPIC",
] as const;

/** How kernels are compiled where somebody debugs them or waits for the compiler; the results are the same. */
export const cppFlagsFor = ({ optimisation = 3, debug = false }: CodeOptions): readonly string[] => [
  ...CPP_FLAGS.map(flag => (flag === "-O3" ? `-O${optimisation}` : flag)),
  ...(debug ? ["-g"] : []),
];

/** Libraries, which come after the source. */
export const CPP_LIBRARIES = ["-lm"] as const;

/** What every file of CUDA C begins with; the include path is the folder that holds `rt`. */
export const cudaPrelude = '#include "rt/loops.cuh"\n';
