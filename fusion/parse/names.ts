/** Names for variables and labels: unique in a lambda, helpers included, and legal in JavaScript and every C-family language. */

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== "");

/** Keywords of JavaScript, C, C++, CUDA and OpenCL, and names that emitted code uses in its own right. */
const RESERVED: ReadonlySet<string> = new Set([
  ...words(`
    abstract arguments as async await boolean break byte case catch class const continue debugger default delete do enum eval export
    extends false final finally for from function get goto if implements import in instanceof interface let native new null of package
    private protected public return set static super switch synchronized this throw throws transient true try typeof undefined using
    var void volatile while with yield NaN Infinity Math Number BigInt Boolean isNaN isFinite globalThis Object Array`),
  ...words(`
    alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool char char8_t char16_t char32_t
    co_await co_return co_yield compl concept const_cast consteval constexpr constinit decltype double dynamic_cast explicit extern
    float friend inline int int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t uintptr_t size_t ptrdiff_t
    long mutable namespace noexcept not not_eq nullptr operator or or_eq reflexpr register reinterpret_cast requires restrict short
    signed sizeof static_assert static_cast struct synchronized template thread_local typedef typeid typename union unsigned virtual
    wchar_t xor xor_eq main std linux unix errno assert NULL half uint uchar ushort ulong vec_step event_t image2d_t sampler_t kernel
    global local constant pipe cl_mem threadIdx blockIdx blockDim gridDim warpSize`),
  ...words(`
    abs fabs ceil floor trunc round sign sqrt fround fmin fmax min max imul clz32 clz exp exp2 exp10 expm1 log log1p log2 log10 sin
    cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh cbrt hypot pow fmod rint y0 y1 yn j0 j1 jn gamma lgamma tgamma erf
    erfc index element isnan isinf signbit div rem remainder ldexp frexp modf nan random time signal abort exit`),
]);

/** What C reserves for itself, and the prefix of the kernels' run time. */
const RESERVED_FORM = /^(?:_*$|_[A-Z]|.*__|rt_)/;

export class Names {
  private readonly taken = new Set<string>();
  /** The last number that was tried behind a name. */
  private readonly counts = new Map<string, number>();

  constructor(taken: Iterable<string>) {
    for (const name of taken) this.taken.add(name);
  }

  /** `wanted` itself where it is free and legal, else the like of it: `x_2`, `double_2`. */
  unique(wanted: string): string {
    let base = wanted.replaceAll(/[^A-Za-z0-9_]/g, "_");
    if (RESERVED_FORM.test(base)) base = `v_${base.replaceAll(/_+/g, "_")}`.replace("__", "_").replace(/_$/, "");
    let name = base;
    for (let count = this.counts.get(base) ?? 2; RESERVED.has(name) || this.taken.has(name); count += 1) {
      name = base.endsWith("_") ? `${base}${count}` : `${base}_${count}`;
      this.counts.set(base, count);
    }
    this.taken.add(name);
    return name;
  }
}
