/** What stands before the kernels in a file of C++. */
import type { Kernel } from "../ir.js";
import { hasLoops } from "../traverse.js";

/** What every file of emitted kernels begins with; the include path is the folder that holds `rt`. */
export const cppPrelude = '#include "rt/loops.hpp"\n';

/** Before all else where products and sums may be contracted to one operation that rounds once. */
const CONTRACTING = [
  "#if defined(__clang__)",
  "#pragma clang fp contract(fast)",
  "#else",
  '#pragma GCC optimize("fp-contract=fast")',
  "#endif",
  "",
].join("\n");

/**
 * Before all else where bodies loop: an operation is done for all registers side by side before the next, and AVX2 has too few to keep
 * what comes of that. g++ orders instructions so that fewer are needed only where it is told to.
 */
const SHORT_OF_REGISTERS = [
  "#if defined(__AVX2__) && !defined(__AVX512F__) && !defined(__clang__)",
  '#pragma GCC optimize("schedule-insns,sched-pressure")',
  "#endif",
  "",
].join("\n");

/** What a file of these kernels begins with. The kernels of one query agree about `fastMath`. */
export const cppPreludeOf = (kernels: readonly Kernel[]): string =>
  [
    kernels.some(kernel => kernel.fastMath === true) ? CONTRACTING : "",
    kernels.some(({ body }) => hasLoops(body)) ? SHORT_OF_REGISTERS : "",
    cppPrelude,
    kernels.some(({ sink }) => sink.kind === "stores") ? '#include "rt/space.hpp"\n' : "",
  ].join("");
