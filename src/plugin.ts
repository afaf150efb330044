/**
 * For accelerators that a program brings along: kernels as data, what prints and runs them, and what a result looks like.
 *
 * A plugin needs little: `compile(kernel)` gives an object whose `run(call)` gives a KernelResult; `resultFor` makes one. What it cannot
 * run it refuses by a BackendError, and the next backend runs it: kinds of statements, expressions and sinks may be added by any version.
 * Results must be the reference's, bit for bit; `interpret` is that reference, and says what every part of a kernel means.
 */
export type { KernelCall, KernelResult, SpareResult } from "../fusion/call.js";
export type { ArrayParameter, Expr, Kernel, Parameter, ReduceOp, ScalarParameter, Sink, SingleSink, Source, Stmt } from "../fusion/ir.js";
export type { ElementType, ScalarType, ScalarValue } from "../fusion/types.js";
/** The result of a call; the error of an element that does not exist. */
export { outOfRange, resultFor } from "../fusion/call.js";
/** Runs a kernel, slowly: the reference of all backends. */
export { interpret } from "../fusion/interpret.js";
/** A kernel as text to read. */
export { printKernel } from "../fusion/print.js";
/** A kernel as JavaScript, as C++ for `native/rt/loops.hpp`, and as CUDA C for `native/rt/loops.cuh`. */
export { emitJs } from "../fusion/emit/js.js";
export { cppPreludeOf, emitCpp } from "../fusion/emit/cpp.js";
export { cudaFlagsOf, emitCuda } from "../fusion/emit/cuda.js";
export { CPP_FLAGS, cudaPrelude } from "../fusion/emit/constants.js";
/** The js backend's own kernel: for accelerators that run it in a way of their own, or only what they cannot run themselves. */
export { compileJs } from "./backends/js/backend.js";
/** Accelerators around accelerators, for the option `decorate`. */
export { decorated, type Decoration } from "./backends/decorate.js";
export { hasLoops, sinksOf, walkKernel } from "../fusion/traverse.js";
