/** Range analysis is sound: no value that a kernel computes lies outside of the interval told beforehand. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Interval } from "../../fusion/interval.js";
import { ELEMENT_LABEL, type Expr, type Stmt } from "../../fusion/ir.js";
import { OP_NAMES, operator, usualArity } from "../../fusion/ops.js";
import { Ranges } from "../../fusion/passes/ranges.js";
import { printKernel } from "../../fusion/print.js";
import type { ScalarType, ScalarValue } from "../../fusion/types.js";
import { evaluate } from "../../fusion/values.js";
import { SPECIAL } from "../laws/special.js";
import { caseChoices, makeCase, type Case } from "./kernels.js";

/** Whether the interval holds a value. */
function holds(interval: Interval, value: number): boolean {
  if (Number.isNaN(value)) return interval.nan;
  if (Object.is(value, -0) && !interval.negativeZero) return false;
  return value >= interval.low && value <= interval.high && (!interval.integral || Number.isInteger(value));
}

/** Runs a kernel and asks of every number whether it was foreseen. */
class Checker {
  private readonly ranges: Ranges;
  private readonly variables = new Map<string, ScalarValue>();
  private index = 0;

  constructor(private readonly run: Case) {
    this.ranges = new Ranges(run.kernel);
  }

  check(): void {
    for (this.index = 0; this.index < this.run.call.length; this.index++) {
      this.variables.clear();
      this.statements(this.run.kernel.body);
    }
  }

  private statements(stmts: readonly Stmt[]): string | null {
    for (const stmt of stmts) {
      const left = this.statement(stmt);
      if (left !== null) return left;
    }
    return null;
  }

  private statement(stmt: Stmt): string | null {
    switch (stmt.kind) {
      case "declare":
      case "assign": {
        const value = this.value(stmt.value);
        this.variables.set(stmt.name, value);
        if (typeof value === "number") this.within(this.ranges.local(stmt.name), value, stmt.name);
        return null;
      }
      case "if":
        return this.statements(this.value(stmt.test) === true ? stmt.then : stmt.otherwise);
      case "loop":
        for (;;) {
          const left = this.statements(stmt.body);
          if (left !== null) return left === stmt.label ? null : left;
        }
      case "block": {
        const left = this.statements(stmt.body);
        return left === stmt.label ? null : left;
      }
      case "leave":
        return stmt.label;
      case "visit":
      case "store":
        return null;
      case "yield":
        for (const value of stmt.values) this.value(value);
        return ELEMENT_LABEL;
      default:
        return stmt satisfies never;
    }
  }

  /** Both sides of a select are computed, since emitted kernels may do so. */
  private value(expr: Expr): ScalarValue {
    const value = this.compute(expr);
    if (typeof value === "number") this.within(this.ranges.of(expr), value, `${expr.kind} ${expr.kind === "apply" ? expr.op : ""}`);
    return value;
  }

  private within(interval: Interval, value: number, what: string): void {
    if (holds(interval, value)) return;
    throw new Error(`${what} is ${Object.is(value, -0) ? "-0" : String(value)}, foreseen was ${JSON.stringify(interval)} (${String(interval.low)} … ${String(interval.high)})\n${printKernel(this.run.kernel)}`);
  }

  private compute(expr: Expr): ScalarValue {
    const { call, kernel } = this.run;
    switch (expr.kind) {
      case "const":
        return expr.value;
      case "local":
        return this.variables.get(expr.name) as ScalarValue;
      case "capture":
        return call.scalars[kernel.scalars.findIndex(({ name }) => name === expr.name)] as ScalarValue;
      case "element":
        return call.source === null ? this.index : (call.source[this.index] as number | bigint);
      case "index":
      case "axis":
        return this.index;
      case "column":
      case "length":
      case "read": {
        const array = call.arrays[kernel.arrays.findIndex(({ name }) => name === expr.array)] as Float64Array;
        return expr.kind === "length" ? array.length : (array[expr.kind === "column" ? this.index : (this.value(expr.at) as number)] as number);
      }
      case "apply":
        return evaluate(expr.op, (expr.args[0] as Expr).type, expr.type, expr.args.map(arg => this.value(arg)));
      case "select": {
        const [test, yes, no] = [this.value(expr.test), this.value(expr.yes), this.value(expr.no)];
        return test === true ? yes : no;
      }
      default:
        return expr satisfies never;
    }
  }
}

const NUMBERS: readonly ScalarType[] = ["f64", "f32", "i32", "u32"];

/** Intervals spanned by values: what an analysis may have found out about an operand. */
function intervalsOf(values: readonly number[]): { interval: Interval; members: readonly number[] }[] {
  const finite = values.filter(value => !Number.isNaN(value));
  const result: { interval: Interval; members: readonly number[] }[] = [];
  const ends = [...new Set(finite)].sort((a, b) => a - b);
  for (const low of ends) {
    for (const high of ends.filter(end => end >= low)) {
      for (const integral of [false, true]) {
        const members = finite.filter(value => value >= low && value <= high && (!integral || Number.isInteger(value)));
        if (members.length === 0 || (integral && (Math.abs(low) === Infinity || Math.abs(high) === Infinity))) continue;
        const negativeZero = members.some(value => Object.is(value, -0));
        result.push({ interval: { low, high, integral, nan: false, negativeZero }, members });
        if (negativeZero) result.push({ interval: { low, high, integral, nan: false, negativeZero: false }, members: members.filter(value => !Object.is(value, -0)) });
      }
    }
  }
  return result.filter(({ members }) => members.length > 0);
}

const FEW: Readonly<Record<string, readonly number[]>> = {
  f64: [NaN, -Infinity, -(2 ** 53), -2.5, -1, -0.5, -5e-324, -0, 0, 5e-324, 0.5, 1, 3, 2 ** 53, Infinity],
  f32: [NaN, -Infinity, -16777216, -1, -0.5, -0, 0, Math.fround(1e-45), 0.5, 1, 3, 16777216, Infinity],
  i32: [-(2 ** 31), -255, -1, 0, 1, 7, 31, 2 ** 31 - 1],
  u32: [0, 1, 255, 2 ** 31, 2 ** 32 - 1],
};

describe("the rule of every operator encloses what the operator gives", () => {
  const rows = OP_NAMES.flatMap(op => {
    const { over, gives, domain } = operator(op);
    if (domain !== undefined || op === "convert" || gives === "bool") return [];
    return over.filter(type => NUMBERS.includes(type)).map(type => ({ op, type, gives: gives === "same" ? type : gives }));
  });
  it.each(rows)("$op of $type", ({ op, type, gives }) => {
    const arity = usualArity(op);
    const operands = intervalsOf(FEW[type] as number[]);
    const ask = (intervals: readonly Interval[]): Interval => {
      // As Ranges asks: the operands are locals of known intervals.
      const names = intervals.map((_, at) => `v${String(at)}`);
      const expr: Expr = { kind: "apply", op, type: gives, args: names.map(name => ({ kind: "local", type, name })) };
      const ranges = new Ranges({ source: { kind: "range" }, scalars: [], arrays: [], body: [], sink: { kind: "count" } });
      return ranges.of(expr, new Map(names.map((name, at) => [name, intervals[at] as Interval])));
    };
    for (const a of operands) {
      for (const b of arity === 2 ? operands.filter((_, at) => at % 3 === 0) : [null]) {
        const told = ask(b === null ? [a.interval] : [a.interval, b.interval]);
        for (const x of a.members) {
          for (const y of b === null ? [null] : b.members) {
            const value = evaluate(op, type, gives, y === null ? [x] : [x, y]) as number;
            if (!holds(told, value)) expect.fail(`${op}(${String(x)}, ${String(y)}) is ${Object.is(value, -0) ? "-0" : String(value)}: not in ${JSON.stringify(told)}, from ${JSON.stringify([a.interval, b?.interval])}`);
          }
        }
      }
    }
  });

  it("tells what lies outside", () => {
    const interval: Interval = { low: -1, high: 2, integral: true, nan: false, negativeZero: false };
    expect([-2, 3, 0.5, NaN, -0, Infinity].map(value => holds(interval, value))).toEqual([false, false, false, false, false, false]);
    expect([-1, 0, 2].map(value => holds(interval, value))).toEqual([true, true, true]);
  });

  it("takes every special value into some interval", () => {
    for (const type of NUMBERS) expect(SPECIAL[type].length).toBeGreaterThan(5);
  });
});

describe("ranges of kernels", () => {
  it("hold every value that a run computes", () => {
    fc.assert(
      fc.property(caseChoices, list => {
        new Checker(makeCase(list, 12)).check();
      }),
      { numRuns: process.env["DOTCOMPUTE_LONG"] === undefined ? 6000 : 60_000 },
    );
  });
});
