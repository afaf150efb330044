/** The public types of index-space kernels. */
import type { BackendName } from "../backends/backend.js";
import type { ExplainAsData, ExplainInWords } from "../query/explanation.js";
import type { Buffer } from "../memory/buffer.js";
import type { SourceLanguage } from "../query/code.js";
import type { Captures, RunOptions, TypedArray } from "../query/types.js";
import type { UnusualCode } from "../runtime/runtime.js";
import type { KernelSlot } from "../runtime/slot.js";

export type Scalar = number | bigint | boolean;

/** What stands behind the places in a kernel's lambda. */
export type KernelParameter = TypedArray | Scalar;

/** What a kernel may be called with: for an array also a buffer of its elements. */
export type KernelArgument = KernelParameter | Buffer;

/** What kernels are called with, by what their lambdas take. */
export type ArgumentsFor<A extends readonly KernelParameter[]> = { readonly [K in keyof A]: A[K] extends TypedArray ? A[K] | Buffer<A[K]> : A[K] };

/** How many axes a space has. */
export type Dimensions = 1 | 2 | 3;

/** The number of indices along each axis. */
export type SizeOf<D extends Dimensions> = D extends 1 ? number | readonly [width: number] : D extends 2 ? readonly [width: number, height: number] : readonly [width: number, height: number, depth: number];

/** The lambda of a kernel: a place along each axis, then what it is called with. */
export type KernelLambda<D extends Dimensions, A extends KernelParameter[]> = D extends 1
  ? (i: number, ...args: A) => void
  : D extends 2
    ? (x: number, y: number, ...args: A) => void
    : (x: number, y: number, z: number, ...args: A) => void;

export interface KernelOptions<D extends Dimensions, A extends KernelParameter[]> {
  /** 1, 2 or 3; 1 by default. */
  readonly dimensions?: D | undefined;
  /**
   * The size of the space, from what the kernel is called with, or the first of that. In one dimension it is otherwise the length of the
   * arrays that are written.
   */
  readonly size?: ((...args: A) => number | readonly number[]) | undefined;
}

export interface KernelRunOptions<D extends Dimensions = Dimensions> {
  /** The size of the space for this call. */
  readonly size?: SizeOf<D> | undefined;
}

/** `signal`, `timeout` and `onProgress` are those of queries. Of a run that ends early the arrays hold what was written until then. */
export interface KernelAsyncOptions<D extends Dimensions = Dimensions> extends KernelRunOptions<D>, RunOptions {}

/**
 * A kernel as a function, made by `kernel`. It runs its lambda for every index of its space, now; `async` does so off the main thread.
 *
 * Where every index writes to places of its own, all run at once; otherwise one after the other, in order, as JavaScript's own loop would.
 * A read or write out of range is a RangeError that names the array; elements that the kernel writes then hold what they held before or
 * what the kernel has given them, and all others are as they were.
 */
export interface NamedKernel<A extends KernelParameter[] = KernelParameter[], D extends Dimensions = Dimensions> {
  (...args: [...args: ArgumentsFor<A>, options?: KernelRunOptions<D>]): void;
  /** Runs off the main thread. Leave the arrays alone until it is done. */
  async(...args: [...args: ArgumentsFor<A>, options?: KernelAsyncOptions<D>]): Promise<void>;
  /**
   * The same kernel on one backend: where that cannot run it, calls throw.
   *
   * @example
   * saxpy.on("cuda")(x, y, out, 2);
   */
  on(backend: BackendName): NamedKernel<A, D>;
  /** What it was registered as. */
  readonly kernelName: string;
  /** How it would run with these arguments, or those of its last call: where, what it writes, and whether all indices run at once. */
  explain(options?: ExplainInWords & ExplainedWith<A, D>): string;
  explain(options: ExplainAsData & ExplainedWith<A, D>): SpaceExplanation;
  /** Its code for these arguments, or those of its last call. */
  source(language: SourceLanguage, options?: ExplainedWith<A, D>): string;
}

export interface ExplainedWith<A extends KernelParameter[] = KernelParameter[], D extends Dimensions = Dimensions> {
  /** What it would be called with; by default what it was last called with. */
  readonly arguments?: readonly [...ArgumentsFor<A>] | undefined;
  /** The size of the space of that call. */
  readonly size?: SizeOf<D> | undefined;
}

/** What a runtime asks a kernel about a call that it may be given. */
export interface AskedKernel {
  readonly core: object;
  readonly slot: KernelSlot;
  /** That it insists on. */
  readonly backend: BackendName | null;
  /** How many indices there are. */
  readonly elements: number;
}

/** What `explain({ format: "json" })` of a kernel gives. */
export interface SpaceExplanation {
  readonly name: string;
  /** The kernel as it was written. */
  readonly text: string;
  readonly dimensions: Dimensions;
  /** What it is called with, in words; null as long as nothing is known of that, and then nothing else is. */
  readonly arguments: readonly string[] | null;
  /** How many indices there are along each axis. */
  readonly size: readonly number[];
  /** The arrays that it writes to. */
  readonly writes: readonly string[];
  /** `any`: all indices at once; `ascending`: one after the other; `race`: two write to one place, and a call is refused (DC210). */
  readonly order: "any" | "ascending" | "race";
  /** Why this order. */
  readonly because: string;
  /** How its runtime compiles kernels, as far as that is not the usual; left out where nothing is. */
  readonly compiled?: UnusualCode;
  /** Where it would run now, and why. */
  readonly backend: BackendName | null;
  readonly reason: string;
}

/** How kernels are defined. `S`: what of a call the size is told by. */
export interface DefineKernel {
  <A extends KernelParameter[]>(name: string, f: KernelLambda<1, A>, captures?: Captures): NamedKernel<A, 1>;
  <A extends KernelParameter[], S extends KernelParameter[] = A>(name: string, options: KernelOptions<1, S> & { readonly dimensions?: 1 }, f: KernelLambda<1, A>, captures?: Captures): NamedKernel<A, 1>;
  <A extends KernelParameter[], S extends KernelParameter[] = A>(name: string, options: KernelOptions<2, S> & { readonly dimensions: 2 }, f: KernelLambda<2, A>, captures?: Captures): NamedKernel<A, 2>;
  <A extends KernelParameter[], S extends KernelParameter[] = A>(name: string, options: KernelOptions<3, S> & { readonly dimensions: 3 }, f: KernelLambda<3, A>, captures?: Captures): NamedKernel<A, 3>;
}
