/** What emitted text is compiled with, apart from what emits it: whoever asks for it alone need not load the emitters. */

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

/** What every file of CUDA C begins with; the include path is the folder that holds `rt`. */
export const cudaPrelude = '#include "rt/loops.cuh"\n';
