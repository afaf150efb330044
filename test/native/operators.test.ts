/**
 * Every operator of the table, on packs of every width, on packs with a scalar on either side, and on scalars: all pairs of
 * special values must give the bits that the table's own evaluation gives, on each instruction set that this machine runs.
 */
import { afterAll, describe, expect, it } from "vitest";
import { apply, local, select } from "../../fusion/build.js";
import { cppDialect } from "../../fusion/emit/cpp.js";
import { cScalar } from "../../fusion/emit/dialect.js";
import { printC } from "../../fusion/emit/expr.js";
import type { Expr } from "../../fusion/ir.js";
import { isDefined, OP_NAMES, operator, usualArity } from "../../fusion/ops.js";
import type { ElementType, ScalarType, ScalarValue } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, evaluate, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { SPECIAL } from "../laws/special.js";
import { compiler, TARGETS, Workshop } from "./toolchain.js";

interface Case {
  readonly name: string;
  readonly over: ScalarType;
  readonly gives: ScalarType;
  readonly arity: number;
  readonly defined: (...args: readonly ScalarValue[]) => boolean;
  readonly expr: Expr;
  readonly expected: (...args: readonly ScalarValue[]) => ScalarValue;
}

const EVERY = ["bool", "i32", "u32", "i64", "u64", "f32", "f64"] as const satisfies readonly ScalarType[];
const isBig = (type: ScalarType): boolean => type === "i64" || type === "u64";
const isFloat = (type: ScalarType): boolean => type === "f32" || type === "f64";
const operands = (over: ScalarType): [Expr, Expr] => [local(over, "a"), local(over, "b")];

const always = (): boolean => true;

/** The rows that cannot fail (those that can are no expressions, see loops.test.ts) and that C has: the elementary functions are put in place before. */
const ROWS: readonly Case[] = OP_NAMES.filter(op => op !== "convert" && !operator(op).elementary).flatMap(op => {
  const row = operator(op);
  return row.over
    .filter(over => !row.fails.includes(over))
    .map(over => {
      const gives = row.gives === "same" ? over : row.gives;
      const expr = apply(op as Exclude<typeof op, "convert">, ...operands(over).slice(0, usualArity(op)));
      return { name: `${op} ${over}`, over, gives, arity: usualArity(op), defined: (...args) => isDefined(op, args), expr, expected: (...args) => evaluate(op, over, gives, args) };
    });
});

const CONVERSIONS: readonly Case[] = EVERY.flatMap(over =>
  EVERY.filter(gives => !(isFloat(over) && isBig(gives))).map(gives => ({
    name: `convert ${over} to ${gives}`,
    over,
    gives,
    arity: 1,
    defined: always,
    expr: { kind: "apply", op: "convert", type: gives, args: [local(over, "a")] },
    expected: (...args) => evaluate("convert", over, gives, args),
  })),
);

const SELECTS: readonly Case[] = EVERY.map(over => {
  const [a, b] = operands(over);
  return over === "bool"
    ? { name: "select bool", over, gives: over, arity: 2, defined: always, expr: select(a, apply("not", b), b), expected: (x, y) => (x === true ? y !== true : y === true) }
    : { name: `select ${over}`, over, gives: over, arity: 2, defined: always, expr: select(apply("lt", a, b), a, b), expected: (x, y) => ((x as number) < (y as number) ? x : y) as ScalarValue };
});

const CASES = [...ROWS, ...CONVERSIONS, ...SELECTS];

/** Values beyond the shared ones: halfway cases, and both sides of every limit that the run time tests for. */
const MORE: Partial<Record<ScalarType, readonly ScalarValue[]>> = {
  f64: [-0.5000000000000001, -1.5, 2 ** 31 - 0.5, -(2 ** 31) - 0.5, 2 ** 32 - 0.5, 2 ** 52 - 0.5, 2 ** 52 + 1, 2 ** 53 - 1, 2 ** 63, 2 ** 64, 2 ** 84 + 2 ** 32, -(2 ** 70) - 2 ** 20, 3, -7, 254.5, 0.3],
  f32: [0.49999997, -0.49999997, 8388607.5, 8388608, 8388609, 2147483520, 4294967040, 2 ** 63, 2 ** 100, 3, -7, 253.5, 254.5].map(Math.fround),
  i64: [2n ** 31n - 1n, -(2n ** 31n) - 1n, 2n ** 24n + 1n, 2n ** 60n + 2n ** 7n, 2n ** 60n + 2n ** 7n + 1n, -(2n ** 53n) - 1n, 1n << 35n],
  u64: [2n ** 24n + 1n, 2n ** 64n - 1024n, 2n ** 64n - 1025n, 2n ** 63n + 1024n, 2n ** 63n + 1025n],
};

/** The values of each type, repeated until they fill whole packs of every width. */
const VALUES = Object.fromEntries(
  EVERY.map(type => {
    const values = [...SPECIAL[type], ...(MORE[type] ?? [])];
    const distinct = values.length;
    while (values.length % 16 !== 0) values.push(values[values.length % distinct] as ScalarValue);
    return [type, values];
  }),
) as unknown as Record<ScalarType, readonly ScalarValue[]>;

const storedAs = (type: ScalarType): ElementType => (type === "bool" ? "i32" : type);
const asStored = (value: ScalarValue): number | bigint => (typeof value === "boolean" ? Number(value) : value);
const isWide = (type: ScalarType): boolean => type === "bool" || type === "i64" || type === "u64" || type === "f64";

/** The tables that operators.hpp stores for a case: the name of each and whether its operands are the other way round. */
function formsOf(test: Case): readonly { readonly name: string; readonly transposed: boolean }[] {
  const groups = isWide(test.over) && isWide(test.gives) ? ["large groups", "small groups"] : ["large groups"];
  const forms = test.arity === 1 ? ["packs", "packs of one value"] : ["packs", "scalar and packs", "packs and scalar", "packs of one value"];
  return [
    { name: "scalars", transposed: false },
    ...groups.flatMap(group => forms.map(form => ({ name: `${form} in ${group}`, transposed: form === "packs and scalar" }))),
  ];
}

function tableSize(test: Case): number {
  return VALUES[test.over].length ** test.arity;
}

function program(): string {
  const dialect = cppDialect("x");
  let offset = 0;
  const offsets = EVERY.map(type => {
    const at = offset;
    offset += VALUES[type].length * ARRAY_CONSTRUCTORS[storedAs(type)].BYTES_PER_ELEMENT;
    return [type, at] as const;
  });
  const runs = CASES.map(test => {
    const at = new Map(offsets).get(test.over) ?? 0;
    const parameters = test.arity === 1 ? "auto a" : "auto a, auto b";
    const run = test.arity === 1 ? "singles" : "pairs";
    return `  out = ${run}<${cScalar(test.over)}, ${cScalar(test.gives)}>([](${parameters}) { return ${printC(test.expr, dialect)}; }, in.bytes + ${at}, ${VALUES[test.over].length}, out);`;
  });
  return `#include "operators.hpp"
using namespace operators;
int main(int, char** arguments) {
  const File in = read_file(arguments[1]);
  char* const results = (char*)malloc(${resultBytes()});
  char* out = results;
${runs.join("\n")}
  write_file(arguments[2], results, size_t(out - results));
  free(results);
  free(in.bytes);
}
`;
}

const bytesOf = (test: Case): number => formsOf(test).length * tableSize(test) * ARRAY_CONSTRUCTORS[storedAs(test.gives)].BYTES_PER_ELEMENT;
const resultBytes = (): number => CASES.reduce((sum, test) => sum + bytesOf(test), 0);

function input(): Uint8Array {
  return Buffer.concat(
    EVERY.map(type => {
      const array = newArray(storedAs(type), VALUES[type].length);
      VALUES[type].forEach((value, place) => (array[place] = asStored(value)));
      return new Uint8Array(array.buffer);
    }),
  );
}

/** What every table of a case must hold. */
function expectedOf(test: Case, transposed: boolean): AnyTypedArray {
  const values = VALUES[test.over];
  const table = newArray(storedAs(test.gives), tableSize(test));
  for (let at = 0; at < table.length; at++) {
    if (test.arity === 1) table[at] = asStored(test.expected(values[at] as ScalarValue));
    else {
      const [i, j] = [Math.floor(at / values.length), at % values.length];
      const [a, b] = (transposed ? [values[j], values[i]] : [values[i], values[j]]) as [ScalarValue, ScalarValue];
      table[at] = asStored(test.expected(a, b));
    }
  }
  return table;
}

/** The first few places where tables differ, spelt out; NaN equals NaN, and zeros have signs. */
function differences(test: Case, form: string, actual: AnyTypedArray, expected: AnyTypedArray): readonly string[] {
  const values = VALUES[test.over];
  const found: string[] = [];
  const [bits, wantedBits] = [new Int32Array(actual.buffer), new Int32Array(expected.buffer)];
  const words = expected.BYTES_PER_ELEMENT / 4;
  for (let at = 0; at < expected.length && found.length < 5; at++) {
    if (bits[at * words] === wantedBits[at * words] && (words === 1 || bits[at * 2 + 1] === wantedBits[at * 2 + 1])) continue;
    const [is, wanted] = [actual[at] as number, expected[at] as number];
    if (Object.is(is, wanted)) continue;
    const pair = (test.arity === 1 ? [values[at]] : [values[Math.floor(at / values.length)], values[at % values.length]]) as readonly ScalarValue[];
    if (!test.defined(...pair) || !test.defined(...[...pair].reverse())) continue;
    found.push(`${form}: ${pair.map(value => (Object.is(value, -0) ? "-0" : String(value))).join(", ")} gives ${Object.is(is, -0) ? "-0" : is}, not ${Object.is(wanted, -0) ? "-0" : wanted}`);
  }
  return found;
}

const workshop = new Workshop();
afterAll(() => workshop.remove());

const EXPECTED = CASES.map(test => formsOf(test).map(form => ({ ...form, table: expectedOf(test, form.transposed) })));

describe.skipIf(compiler === null).each(TARGETS)("operators in C++ for $name", ({ name, flags }) => {
  it("give the bits of the operator table", { timeout: 600_000 }, async () => {
    const built = await workshop.build(`operators-${name.replace(/\W/g, "")}`, program(), ["-O1", ...flags]);
    const results = await workshop.run(built, input());
    expect(results.byteLength).toBe(resultBytes());
    let offset = 0;
    const wrong: Record<string, readonly string[]> = {};
    CASES.forEach((test, place) => {
      for (const form of EXPECTED[place] ?? []) {
        const { BYTES_PER_ELEMENT } = form.table;
        const bytes = results.slice(offset, offset + form.table.length * BYTES_PER_ELEMENT);
        offset += bytes.byteLength;
        const actual = new (form.table.constructor as Float64ArrayConstructor)(bytes.buffer as ArrayBuffer) as AnyTypedArray;
        const found = differences(test, form.name, actual, form.table);
        if (found.length > 0) wrong[test.name] = [...(wrong[test.name] ?? []), ...found].slice(0, 8);
      }
    });
    expect(wrong).toEqual({});
  });
});
