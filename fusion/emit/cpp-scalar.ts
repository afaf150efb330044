/** A kernel's body for one element at a time, with C's own branches and loops: all of CUDA's; in C++ ordered folds, and joining two accumulators. */
import { CompilerBug } from "../errors.js";
import { ELEMENT_LABEL, type Expr, type Stmt, type StmtOf } from "../ir.js";
import { isEffect, leavesOf } from "../traverse.js";
import { effectCall, storeCall } from "./cpp-effects.js";
import { nameIn, type Dialect } from "./dialect.js";
import { printC } from "./expr.js";
import type { Writer } from "./writer.js";

export interface ScalarEnds {
  /** What ends the body without a value. */
  readonly leave: string;
  /** What hands over the value. */
  readonly yield: (value: string) => string;
  /** What ends the body of an element that is handed over without a value. */
  readonly nothing?: string;
  /** What marks the element as one that reached this place. */
  readonly visit?: string;
  /** What ends the body when an effect has failed or the kernel is to stop. */
  readonly fail: string;
  /** What follows the declaration of a local. */
  readonly declared?: (name: string, out: Writer) => void;
}

function expected(text: string | undefined, otherwise: string): string {
  if (text === undefined) throw new CompilerBug(otherwise);
  return text;
}

export class ScalarWriter {
  /** The innermost loop around the current place: `break` leaves it. */
  private innermost: string | null = null;

  constructor(
    private readonly dialect: Dialect,
    private readonly fresh: (base: string) => string,
    private readonly ends: ScalarEnds,
  ) {}

  statements(stmts: readonly Stmt[], out: Writer): void {
    for (const stmt of stmts) {
      this.statement(stmt, out);
      if (stmt.kind === "leave") return;
    }
  }

  private statement(stmt: Stmt, out: Writer): void {
    switch (stmt.kind) {
      case "declare":
        this.declare(stmt, out);
        return this.ends.declared?.(stmt.name, out);
      case "assign":
        return this.store(nameIn(this.dialect, stmt.name), stmt.value, out);
      case "if":
        return this.branch(stmt, out);
      case "loop":
        return this.loop(stmt, out);
      case "block":
        return this.block(stmt, out);
      case "store":
        return out.line(`if (!lanes.${storeCall(stmt, this.dialect, null)}) ${this.ends.fail}`);
      case "leave":
        return out.line(this.leave(stmt.label));
      case "yield":
        if (stmt.values.length === 0) return out.line(expected(this.ends.nothing, "this sink is given no value"));
        return out.line(this.ends.yield(printC(stmt.values[0] as Expr, this.dialect)));
      case "visit":
        return out.line(expected(this.ends.visit, "this sink has a visit"));
      default:
        return stmt satisfies never;
    }
  }

  private declare(stmt: StmtOf<"declare">, out: Writer): void {
    const name = nameIn(this.dialect, stmt.name);
    const type = this.dialect.types[stmt.type];
    if (isEffect(stmt.value)) {
      out.line(`${type} ${name};`);
      this.store(name, stmt.value, out);
    } else {
      out.line(`${stmt.mutable ? "" : "const "}${type} ${name} = ${printC(stmt.value, this.dialect)};`);
    }
  }

  private store(name: string, value: Expr, out: Writer): void {
    if (isEffect(value)) out.line(`if (!lanes.${effectCall(name, value, this.dialect, null)}) ${this.ends.fail}`);
    else out.line(`${name} = ${printC(value, this.dialect)};`);
  }

  private branch(stmt: StmtOf<"if">, out: Writer): void {
    const test = printC(stmt.test, this.dialect);
    const [only] = stmt.then;
    if (stmt.then.length === 1 && stmt.otherwise.length === 0 && only?.kind === "leave") return out.line(`if (${test}) ${this.leave(only.label)}`);
    out.braces(`if (${test})`, () => this.statements(stmt.then, out), stmt.otherwise.length === 0 ? "}" : null);
    if (stmt.otherwise.length > 0) out.braces("} else", () => this.statements(stmt.otherwise, out));
  }

  private leave(label: string): string {
    if (label === ELEMENT_LABEL) return this.ends.leave;
    return label === this.innermost ? "break;" : `goto ${this.label(label)};`;
  }

  private readonly labels = new Map<string, string>();

  private label(label: string): string {
    const name = this.labels.get(label) ?? this.fresh(`after_${label.replace(/\W/g, "_")}`);
    this.labels.set(label, name);
    return name;
  }

  private loop(stmt: StmtOf<"loop">, out: Writer): void {
    const outer = this.innermost;
    this.innermost = stmt.label;
    out.braces("for (;;)", () => {
      out.line(`if (lanes.stopped()) ${this.ends.fail}`);
      this.statements(stmt.body, out);
    });
    this.innermost = outer;
    this.placeLabel(stmt.label, out);
  }

  private block(stmt: StmtOf<"block">, out: Writer): void {
    out.braces("", () => this.statements(stmt.body, out));
    if (leavesOf(stmt.body).has(stmt.label)) this.placeLabel(stmt.label, out);
  }

  private placeLabel(label: string, out: Writer): void {
    const name = this.labels.get(label);
    if (name !== undefined) out.line(`${name}:;`);
  }
}
