/** Every arithmetic instruction of the stand-in driver against JavaScript, over special values. */
import { expect, it } from "vitest";
import { suite, kernel } from "./suite.js";

type Kind = "f64" | "f32" | "u64" | "s64" | "u32" | "s32" | "u16" | "s16" | "pred";
type Value = number | bigint;

const U64 = 2n ** 64n;
const F64 = [0, -0, 1, -1, 0.1, -2.5, 1.5, 3, 1e308, -1e308, 5e-324, 2.2250738585072014e-308, Infinity, -Infinity, NaN, 1125899906842624.5, -0.5, 0.49999999999999994, 2147483648, 1e19];
const F32 = [0, -0, 1, -1, 0.1, -2.5, 1.5, 3, 3.4e38, -3.4e38, 1e-45, 1.1754944e-38, Infinity, -Infinity, NaN, 8388609, -0.5, 0.49999997, 2147483648, 1e19].map(Math.fround);
const I32 = [0, 1, -1, 2, 5, -7, 31, 32, 33, 100, 255, -128, 65535, 2147483647, -2147483648, 0x12345678, -559038737, 3, 64, 1000000007];
const I64 = [0n, 1n, -1n, 2n, 5n, -7n, 31n, 32n, 63n, 64n, 65n, 2n ** 31n, -(2n ** 31n), 2n ** 63n - 1n, -(2n ** 63n), 0x123456789abcdefn, 2n ** 32n, 255n, 1000000007n, -1000000007n];

/** How a kind is stored (in 8 bytes), loaded into a register, and read back. */
const KINDS = {
  f64: { values: F64, array: (v: readonly Value[]) => new Float64Array(v as number[]), register: "%fd", load: "ld.global.f64", store: "st.global.f64" },
  f32: { values: F32, array: (v: readonly Value[]) => spread(Float32Array, 2, v), register: "%f", load: "ld.global.f32", store: "st.global.f32" },
  u64: { values: I64.map(x => BigInt.asUintN(64, x)), array: (v: readonly Value[]) => new BigUint64Array(v as bigint[]), register: "%rd3", load: "ld.global.u64", store: "st.global.u64" },
  s64: { values: I64, array: (v: readonly Value[]) => new BigInt64Array(v as bigint[]), register: "%rd3", load: "ld.global.u64", store: "st.global.u64" },
  u32: { values: I32.map(x => x >>> 0), array: (v: readonly Value[]) => spread(Uint32Array, 2, v), register: "%r", load: "ld.global.u32", store: "st.global.u32" },
  s32: { values: I32, array: (v: readonly Value[]) => spread(Int32Array, 2, v), register: "%r", load: "ld.global.u32", store: "st.global.u32" },
  u16: { values: I32.map(x => x & 0xffff), array: (v: readonly Value[]) => spread(Uint16Array, 4, v), register: "%rs", load: "ld.global.u16", store: "st.global.u16" },
  s16: { values: I32.map(x => (x << 16) >> 16), array: (v: readonly Value[]) => spread(Int16Array, 4, v), register: "%rs", load: "ld.global.u16", store: "st.global.u16" },
  pred: { values: I32.map(x => x & 1), array: (v: readonly Value[]) => spread(Uint32Array, 2, v), register: "%p", load: "", store: "" },
} satisfies Record<Kind, object>;

type Numbers = Float32Array | Uint32Array | Int32Array | Uint16Array | Int16Array;
function spread<A extends Numbers>(type: new (length: number) => A, every: number, values: readonly Value[]): A {
  const out = new type(values.length * every);
  values.forEach((value, at) => (out[at * every] = Number(value)));
  return out;
}
const gather = (kind: Kind, array: { readonly [at: number]: Value; readonly length: number }): Value[] => {
  const every = { f32: 2, u32: 2, s32: 2, u16: 4, s16: 4, pred: 2, f64: 1, u64: 1, s64: 1 }[kind];
  return Array.from({ length: array.length / every }, (_, at) => array[at * every] as Value);
};

interface Row {
  readonly op: string;
  readonly takes: readonly Kind[];
  readonly gives: Kind;
  readonly is: (...values: never[]) => Value | boolean;
}

const row = (op: string, takes: readonly Kind[], gives: Kind, is: (...values: never[]) => Value | boolean): Row => ({ op, takes, gives, is });
const same = (op: string, kind: Kind, count: number, is: (...values: never[]) => Value | boolean): Row => row(op, Array<Kind>(count).fill(kind), kind, is);
const fround = Math.fround;
const least = (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b));
const most = (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b));
const copysign = (sign: number, size: number): number => (sign < 0 || Object.is(sign, -0) ? -Math.abs(size) : Math.abs(size));

const FLOATS: readonly Row[] = (["f64", "f32"] as const).flatMap(type => {
  const round = type === "f64" ? (x: number) => x : fround;
  return [
    same(`add.rn.${type}`, type, 2, (a: number, b: number) => round(a + b)),
    same(`sub.rn.${type}`, type, 2, (a: number, b: number) => round(a - b)),
    same(`mul.rn.${type}`, type, 2, (a: number, b: number) => round(a * b)),
    same(`div.rn.${type}`, type, 2, (a: number, b: number) => round(a / b)),
    same(`sqrt.rn.${type}`, type, 1, (a: number) => round(Math.sqrt(a))),
    same(`rcp.rn.${type}`, type, 1, (a: number) => round(1 / a)),
    same(`neg.${type}`, type, 1, (a: number) => -a),
    same(`abs.${type}`, type, 1, (a: number) => Math.abs(a)),
    same(`min.${type}`, type, 2, least as never),
    same(`max.${type}`, type, 2, most as never),
    same(`min.NaN.${type}`, type, 2, (a: number, b: number) => Math.min(a, b)),
    same(`max.NaN.${type}`, type, 2, (a: number, b: number) => Math.max(a, b)),
    same(`copysign.${type}`, type, 2, (a: number, b: number) => copysign(a, b)),
    ...[
      ["eq", (a: number, b: number) => a === b],
      ["ne", (a: number, b: number) => a < b || a > b],
      ["lt", (a: number, b: number) => a < b],
      ["le", (a: number, b: number) => a <= b],
      ["gt", (a: number, b: number) => a > b],
      ["ge", (a: number, b: number) => a >= b],
      ["equ", (a: number, b: number) => !(a < b || a > b)],
      ["neu", (a: number, b: number) => a !== b],
      ["ltu", (a: number, b: number) => !(a >= b)],
      ["leu", (a: number, b: number) => !(a > b)],
      ["gtu", (a: number, b: number) => !(a <= b)],
      ["geu", (a: number, b: number) => !(a < b)],
      ["num", (a: number, b: number) => !Number.isNaN(a) && !Number.isNaN(b)],
      ["nan", (a: number, b: number) => Number.isNaN(a) || Number.isNaN(b)],
    ].map(([name, is]) => row(`setp.${name as string}.${type}`, [type, type], "pred", is as never)),
    row(`testp.finite.${type}`, [type], "pred", (a: number) => Number.isFinite(a)),
    row(`testp.subnormal.${type}`, [type], "pred", (a: number) => a !== 0 && Math.abs(a) < (type === "f64" ? 2 ** -1022 : 2 ** -126)),
  ];
});

interface Bits {
  readonly unsigned: Kind;
  readonly signed: Kind;
  readonly width: number;
}
const WIDTHS: readonly Bits[] = [
  { unsigned: "u16", signed: "s16", width: 16 },
  { unsigned: "u32", signed: "s32", width: 32 },
  { unsigned: "u64", signed: "s64", width: 64 },
];

/** Of whole numbers as bigints, wrapped to the kind's width. */
const whole = (op: string, takes: readonly Kind[], gives: Kind, is: (...values: bigint[]) => bigint): Row =>
  row(op, takes, gives, (...values: never[]) => {
    const bits = Number(gives.slice(1));
    const out = (gives[0] === "u" ? BigInt.asUintN : BigInt.asIntN)(bits, is(...values.map(value => BigInt(value))));
    return bits === 64 ? out : Number(out);
  });

const INTEGERS: readonly Row[] = WIDTHS.flatMap(({ unsigned, signed, width }) => {
  const size = BigInt(width);
  const wrap = (x: bigint): bigint => BigInt.asUintN(width, x);
  const both = [unsigned, signed].flatMap(type => [
    whole(`add.${type}`, [type, type], type, (a, b) => a! + b!),
    whole(`sub.${type}`, [type, type], type, (a, b) => a! - b!),
    whole(`mul.lo.${type}`, [type, type], type, (a, b) => a! * b!),
    whole(`mul.hi.${type}`, [type, type], type, (a, b) => (a! * b!) >> size),
    whole(`mad.lo.${type}`, [type, type, type], type, (a, b, c) => a! * b! + c!),
    whole(`div.${type}`, [type, type], type, (a, b) => (b === 0n ? -1n : a! / b!)),
    whole(`rem.${type}`, [type, type], type, (a, b) => (b === 0n ? -1n : a! % b!)),
    whole(`min.${type}`, [type, type], type, (a, b) => (a! < b! ? a! : b!)),
    whole(`max.${type}`, [type, type], type, (a, b) => (a! > b! ? a! : b!)),
    whole(`shr.${type}`, [type, "u32"], type, (a, by) => a! >> (by! > size ? size : by!)),
    row(`setp.lt.${type}`, [type, type], "pred", (a: Value, b: Value) => a < b),
    row(`setp.ge.${type}`, [type, type], "pred", (a: Value, b: Value) => a >= b),
    row(`setp.ne.${type}`, [type, type], "pred", (a: Value, b: Value) => a !== b),
  ]);
  const widened = width === 64 ? [] : [unsigned, signed].flatMap(type => {
    const twice = `${type[0] as string}${2 * width}` as Kind;
    return [
      whole(`mul.wide.${type}`, [type, type], twice, (a, b) => a! * b!),
      whole(`mad.wide.${type}`, [type, type, twice], twice, (a, b, c) => a! * b! + c!),
    ];
  });
  const counted = width === 16 ? [] : [
    whole(`popc.b${width}`, [unsigned], "u32", a => BigInt([...a!.toString(2)].filter(bit => bit === "1").length)),
    whole(`clz.b${width}`, [unsigned], "u32", a => size - BigInt(a === 0n ? 0 : a!.toString(2).length)),
    whole(`brev.b${width}`, [unsigned], unsigned, a => BigInt(`0b${[...a!.toString(2).padStart(width, "0")].reverse().join("")}`)),
    whole(`bfind.${unsigned}`, [unsigned], "u32", a => (a === 0n ? -1n : BigInt(a!.toString(2).length - 1))),
    ...[unsigned, signed].map(type =>
      whole(`bfe.${type}`, [type, "u32", "u32"], type, (a, at, count) => {
        const [from, many] = [at! & 255n, count! & 255n];
        const top = from + many - 1n < size - 1n ? from + many - 1n : size - 1n;
        if (many === 0n) return 0n;
        const kept = from >= size ? 0n : (wrap(a!) >> from) & ((1n << (many < size - from ? many : size - from)) - 1n);
        const held = from >= size ? 0n : many < size - from ? many : size - from;
        const sign = type === signed && (wrap(a!) >> top) & 1n;
        return sign ? kept | (-1n << held) : kept;
      })),
    whole(`bfi.b${width}`, [unsigned, unsigned, "u32", "u32"], unsigned, (field, into, at, count) => {
      const [from, many] = [at! & 255n, count! & 255n];
      const mask = wrap(((1n << many) - 1n) << from);
      return (into! & ~mask) | ((field! << from) & mask);
    }),
  ];
  return [
    ...both, ...widened, ...counted,
    whole(`and.b${width}`, [unsigned, unsigned], unsigned, (a, b) => a! & b!),
    whole(`or.b${width}`, [unsigned, unsigned], unsigned, (a, b) => a! | b!),
    whole(`xor.b${width}`, [unsigned, unsigned], unsigned, (a, b) => a! ^ b!),
    whole(`not.b${width}`, [unsigned], unsigned, a => ~a!),
    whole(`shl.b${width}`, [unsigned, "u32"], unsigned, (a, by) => (by! >= size ? 0n : a! << by!)),
    whole(`neg.${signed}`, [signed], signed, a => -a!),
    whole(`abs.${signed}`, [signed], signed, a => (a! < 0n ? -a! : a!)),
  ];
});

const OTHERS: readonly Row[] = [
  same("add.sat.s32", "s32", 2, (a: number, b: number) => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, a + b))),
  same("sub.sat.s32", "s32", 2, (a: number, b: number) => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, a - b))),
  row("prmt.b32", ["u32", "u32", "u32"], "u32", (a: number, b: number, by: number) => {
    const bytes = [...new Uint8Array(new Uint32Array([a, b]).buffer)];
    return [0, 1, 2, 3].reduce((out, at) => {
      const select = (by >>> (4 * at)) & 15;
      const byte = bytes[select & 7] as number;
      return out + (select & 8 ? (byte & 128 ? 255 : 0) : byte) * 256 ** at;
    }, 0);
  }),
  whole("shf.l.wrap.b32", ["u32", "u32", "u32"], "u32", (low, high, by) => ((low! | (high! << 32n)) << (by! & 31n)) >> 32n),
  whole("shf.l.clamp.b32", ["u32", "u32", "u32"], "u32", (low, high, by) => ((low! | (high! << 32n)) << (by! < 32n ? by! : 32n)) >> 32n),
  whole("shf.r.wrap.b32", ["u32", "u32", "u32"], "u32", (low, high, by) => (low! | (high! << 32n)) >> (by! & 31n)),
  whole("shf.r.clamp.b32", ["u32", "u32", "u32"], "u32", (low, high, by) => (low! | (high! << 32n)) >> (by! < 32n ? by! : 32n)),
  row("slct.f64.s32", ["f64", "f64", "s32"], "f64", (a: number, b: number, c: number) => (c >= 0 ? a : b)),
  row("set.lt.u32.f64", ["f64", "f64"], "u32", (a: number, b: number) => (a < b ? 0xffffffff : 0)),
  row("set.lt.f32.s32", ["s32", "s32"], "f32", (a: number, b: number) => (a < b ? 1 : 0)),
  row("cvt.rn.f32.f64", ["f64"], "f32", fround as never),
  row("cvt.f64.f32", ["f32"], "f64", (a: number) => a),
  row("cvt.rni.f64.f64", ["f64"], "f64", (a: number) => nearest(a)),
  row("cvt.rzi.f64.f64", ["f64"], "f64", Math.trunc as never),
  row("cvt.rmi.f64.f64", ["f64"], "f64", Math.floor as never),
  row("cvt.rpi.f32.f32", ["f32"], "f32", Math.ceil as never),
  row("cvt.sat.f32.f32", ["f32"], "f32", (a: number) => (a > 0 ? Math.min(a, 1) : 0)),
  ...(["f64", "f32"] as const).flatMap(from =>
    (["u16", "s16", "u32", "s32", "u64", "s64"] as const).flatMap(to => [
      row(`cvt.rzi.${to}.${from}`, [from], to, (a: number) => clamped(to, Math.trunc(a))),
      row(`cvt.rni.${to}.${from}`, [from], to, (a: number) => clamped(to, nearest(a))),
      row(`cvt.rmi.${to}.${from}`, [from], to, (a: number) => clamped(to, Math.floor(a))),
      row(`cvt.rpi.${to}.${from}`, [from], to, (a: number) => clamped(to, Math.ceil(a))),
    ])),
  ...(["u16", "s16", "u32", "s32", "u64", "s64"] as const).flatMap(from => [
    row(`cvt.rn.f64.${from}`, [from], "f64", (a: Value) => Number(a)),
    // 64 bits round once to f32; a detour by f64 would round twice.
    ...(from.endsWith("64") ? [] : [row(`cvt.rn.f32.${from}`, [from], "f32", (a: number) => fround(a))]),
    ...(["u16", "s16", "u32", "s32", "u64", "s64"] as const).flatMap(to => [
      ...(to === from ? [] : [whole(`cvt.${to}.${from}`, [from], to, a => a!)]),
      row(`cvt.sat.${to}.${from}`, [from], to, (a: Value) => clampedWhole(to, BigInt(a))),
    ]),
  ]),
];

function nearest(a: number): number {
  const floor = Math.floor(a);
  const out = a - floor < 0.5 ? floor : a - floor > 0.5 ? floor + 1 : floor % 2 === 0 ? floor : floor + 1;
  return Number.isFinite(a) ? copysign(a, out) : a;
}
function clampedWhole(kind: Kind, value: bigint): Value {
  const bits = BigInt(kind.slice(1));
  const [low, high] = kind[0] === "u" ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
  const out = value < low ? low : value > high ? high : value;
  return bits === 64n ? out : Number(out);
}
function clamped(kind: Kind, value: number): Value {
  if (Number.isNaN(value)) return clampedWhole(kind, 0n);
  return clampedWhole(kind, Number.isFinite(value) ? BigInt(value) : value > 0 ? U64 : -U64);
}

/** All pairs of the first two operands; further ones wander. */
function operandsOf(takes: readonly Kind[]): Value[][] {
  const [first, second] = [KINDS[takes[0] as Kind].values, KINDS[takes[1] ?? "u32"].values];
  return first.flatMap((a, i) => (takes.length > 1 ? second : [0]).map((b, j) => [a, b, ...takes.slice(2).map((kind, at) => KINDS[kind].values[(i * 7 + j * 3 + at * 5) % 20] as Value)].slice(0, takes.length)));
}

function text({ op, takes, gives }: Row): string {
  const registers = takes.map((kind, at) => `${KINDS[kind].register}${at + 1}`);
  const loads = takes.map((kind, at) => `  add.s64 %rd10, %rd${at}, %rd20;\n  ${KINDS[kind].load} ${registers[at] as string}, [%rd10];`);
  const place = `  add.s64 %rd10, %rd${takes.length}, %rd20;`;
  if (gives === "pred") return kernel(takes.length + 1, [...loads, `  ${op} %p1, ${registers.join(", ")};`, "  selp.u32 %r9, 1, 0, %p1;", place, "  st.global.u32 [%rd10], %r9;"].join("\n"));
  const to = `${KINDS[gives].register}${5}`;
  return kernel(takes.length + 1, [...loads, `  ${op} ${to}, ${registers.join(", ")};`, place, `  ${KINDS[gives].store} [%rd10], ${to};`].join("\n"));
}

suite("arithmetic of the stand-in driver", driver => {
  const check = (given: Row): void => {
    const operands = operandsOf(given.takes);
    while (operands.length % 32 !== 0) operands.push(operands[0] as Value[]);
    const arrays = given.takes.map((kind, at) => KINDS[kind].array(operands.map(values => values[at] as Value)));
    const out = KINDS[given.gives].array(operands.map(() => (given.gives.endsWith("64") && given.gives !== "f64" ? 0n : 0)));
    driver.launch(text(given), "k", { grid: operands.length / 32, block: 32 }, ...arrays, out);
    const expected = operands.map(values => {
      const is = given.is(...(values as never[]));
      return typeof is === "boolean" ? Number(is) : is;
    });
    expect(gather(given.gives, out as never)).toEqual(expected);
  };

  it.each([...FLOATS, ...INTEGERS, ...OTHERS].map(given => [given.op, given] as const))("%s", (_, given) => {
    driver.fresh();
    check(given);
  });

  it("fma rounds once", () => {
    driver.fresh();
    const out = new Float64Array(32);
    const x = 1 + 2 ** -30;
    const a = new Float64Array(32).fill(x);
    const c = new Float64Array(32).fill(-(1 + 2 ** -29));
    const body = ["add.s64 %rd10, %rd0, %rd20;", "ld.global.f64 %fd1, [%rd10];", "add.s64 %rd10, %rd1, %rd20;", "ld.global.f64 %fd2, [%rd10];", "fma.rn.f64 %fd3, %fd1, %fd1, %fd2;", "add.s64 %rd10, %rd2, %rd20;", "st.global.f64 [%rd10], %fd3;"];
    driver.launch(kernel(3, body.join("\n")), "k", { block: 32 }, a, c, out);
    expect(out[0]).toBe(2 ** -60);
    expect(x * x - (1 + 2 ** -29)).toBe(0);
  });

  it("carries from word to word", () => {
    driver.fresh();
    const out = new BigUint64Array(32 * 2);
    const body = "mov.u64 %rd5, 0xffffffffffffffff; mov.u64 %rd6, 7;\n add.cc.u64 %rd7, %rd5, %rd6; addc.u64 %rd8, %rd6, 0;\n shl.b64 %rd20, %rd20, 1; add.s64 %rd10, %rd0, %rd20; st.global.v2.u64 [%rd10], {%rd7, %rd8};";
    driver.launch(kernel(1, body), "k", { block: 32 }, out);
    expect([...out.slice(0, 2)]).toEqual([6n, 8n]);
  });
});
