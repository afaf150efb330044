/** What has been run: operators by operand type and backend, and how often. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { wordsOf } from "../../fusion/emit/words.js";
import type { Expr, Kernel } from "../../fusion/ir.js";
import { OP_NAMES, operator, type OpName } from "../../fusion/ops.js";
import { walkKernel } from "../../fusion/traverse.js";
import type { ScalarType } from "../../fusion/types.js";
import type { Tried } from "./backends.js";

const TYPES: readonly ScalarType[] = ["bool", "i32", "u32", "i64", "u64", "f32", "f64"];

const USES = new WeakMap<Kernel, readonly string[]>();

/** The operators of a kernel, each with the type it is applied to. */
export function usesOf(kernel: Kernel): readonly string[] {
  let uses = USES.get(kernel);
  if (uses === undefined) {
    const found = new Set<string>();
    walkKernel(kernel, { expr: expr => void (expr.kind === "apply" && found.add(`${expr.op} ${(expr.args[0] as Expr).type}`)) });
    uses = [...found];
    USES.set(kernel, uses);
  }
  return uses;
}

const WORDS = new WeakMap<Kernel, boolean>();

function usesWords(kernel: Kernel): boolean {
  const known = WORDS.get(kernel) ?? wordsOf(kernel) !== null;
  WORDS.set(kernel, known);
  return known;
}

export class Coverage {
  private readonly counts = new Map<string, number>();
  /** Runs on the CPU in lanes of 8 or 16 bits. */
  words = 0;

  /** A run of a kernel on a backend. */
  note(kernel: Kernel, backend: Tried): void {
    if (backend === "cpu" && usesWords(kernel)) this.words++;
    for (const use of usesOf(kernel)) {
      const key = `${use} ${backend}`;
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    }
  }

  count(op: OpName, type: ScalarType, backend: Tried): number {
    return this.counts.get(`${op} ${type} ${backend}`) ?? 0;
  }

  /** Operators, and the types they exist for, that a backend never ran. */
  missing(backend: Tried): string[] {
    return OP_NAMES.flatMap(op => {
      const { over } = operator(op);
      return over.filter(type => this.count(op, type, backend) === 0).map(type => `${op} of ${type} on ${backend}`);
    });
  }

  /** One row per operator, one column per operand type; runs on each backend, in their order. */
  table(backends: readonly Tried[]): string {
    const cell = (op: OpName, type: ScalarType): string => (operator(op).over.includes(type) ? backends.map(backend => short(this.count(op, type, backend))).join(" ") : "");
    const rows = OP_NAMES.map(op => [op, ...TYPES.map(type => cell(op, type))]);
    const header = [`runs on ${backends.join(", ")}`, ...TYPES];
    return [header, header.map(() => "---"), ...rows].map(row => `| ${row.join(" | ")} |`).join("\n");
  }

  /** Keeps the table beside the build's other results. */
  write(table: string): void {
    const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../build");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "coverage-table.md"), `# Operators by operand type: runs compared\n\n${table}\n`);
  }
}

const short = (count: number): string => (count < 1000 ? String(count) : `${String(Math.floor(count / 1000))}k`);
