/**
 * A kernel's body in lanes: statements without branches, under masks.
 *
 * Each place in the body belongs to a region: the element itself, a labelled block, a loop, or one side of an `if`. A region
 * has a mask, the lanes that run it. `leave` takes the current lanes out of every region up to the one it names, so whatever
 * follows runs without them. An assignment keeps the old value of lanes that are not running, wherever they may read it yet.
 */
import { CompilerBug } from "../errors.js";
import { ELEMENT_LABEL, type Expr, type Kernel, type Stmt, type StmtOf } from "../ir.js";
import { bodiesOf, declaredIn, hasEffects, hasLoops, isEffect, leavesOf, usesOf } from "../traverse.js";
import { nameIn, PRECEDENCE, type Dialect } from "./dialect.js";
import { effectCall, storeCall } from "./cpp-effects.js";
import { printC, printCWithin } from "./expr.js";
import { negated } from "./negate.js";
import { sizeOf } from "./size.js";
import type { Writer } from "./writer.js";

/** A branch with this many operations is skipped when no lane takes it; smaller ones cost less than the question. */
const WORTH_SKIPPING = 24;

interface Region {
  readonly kind: "element" | "block" | "loop" | "branch";
  readonly label: string | null;
  /** The name of the mask of lanes that run here. */
  readonly mask: string;
  /** For a branch: its condition, apart from the outer mask; the lanes take `yes`, the others keep theirs. */
  readonly test: { readonly name: string; readonly holds: boolean } | null;
  /** What may be read once the region has ended: lanes that left it early must find their values unharmed. */
  readonly readLater: ReadonlySet<string>;
  maskUsed: boolean;
  testUsed: number;
}

export class LaneWriter {
  private readonly regions: Region[] = [];
  /** In which region a local was declared. */
  private readonly homes = new Map<string, Region>();
  /** What locals that never change stand for. */
  private readonly values = new Map<string, Expr>();

  constructor(
    private readonly kernel: Kernel,
    private readonly dialect: Dialect,
    private readonly fresh: (base: string) => string,
  ) {}

  body(out: Writer): void {
    const element: Region = { kind: "element", label: ELEMENT_LABEL, mask: "lanes.live", test: null, readLater: new Set(), maskUsed: false, testUsed: 0 };
    this.regions.push(element);
    const ended = this.statements(this.kernel.body, new Set(), out);
    this.regions.pop();
    if (ended) return;
    if (this.kernel.sink.kind !== "stores") out.line("lanes.live = false;");
    out.line("return {};");
  }

  private get region(): Region {
    const region = this.regions.at(-1);
    if (region === undefined) throw new CompilerBug("a statement is in no region");
    return region;
  }

  /** Writes statements; says whether the last one hands over a value. `after`: what is read after them. */
  private statements(stmts: readonly Stmt[], after: ReadonlySet<string>, out: Writer): boolean {
    for (const [place, stmt] of stmts.entries()) {
      if (stmt.kind === "yield") {
        const values = stmt.values.map(value => printC(value, this.dialect)).join(", ");
        out.line(stmt.values.length === 1 ? `return ${values};` : `return {${values}};`);
        return true;
      }
      if (stmt.kind === "leave") {
        this.leave(stmt.label, out);
        return false;
      }
      // Only statements with statements in them ask.
      const later = bodiesOf(stmt).length === 0 ? after : new Set([...after, ...usesOf(stmts.slice(place + 1))]);
      this.statement(stmt, later, out);
    }
    return false;
  }

  private statement(stmt: Exclude<Stmt, StmtOf<"yield"> | StmtOf<"leave">>, after: ReadonlySet<string>, out: Writer): void {
    switch (stmt.kind) {
      case "declare":
        return this.declare(stmt, out);
      case "assign":
        return this.assign(stmt, out);
      case "if":
        return this.branch(stmt, after, out);
      case "loop":
        return this.loop(stmt, after, out);
      case "block":
        return this.block(stmt, after, out);
      case "store":
        return out.line(`if (!lanes.${storeCall(stmt, this.dialect, { mask: this.mask(), values: this.values })}) return {};`);
      case "visit":
        return out.line(`lanes.visited = ${this.mask()};`);
      default:
        return stmt satisfies never;
    }
  }

  /** The mask of the lanes that run here. */
  private mask(region = this.region): string {
    region.maskUsed = true;
    return region.mask;
  }

  private name(name: string): string {
    return nameIn(this.dialect, name);
  }

  private effect(target: string, value: Expr, out: Writer): void {
    const lanes = { mask: this.mask(), values: this.kernel.sink.kind === "stores" ? this.values : null };
    out.line(`if (!lanes.${effectCall(target, value, this.dialect, lanes)}) return {};`);
  }

  private declare(stmt: StmtOf<"declare">, out: Writer): void {
    this.homes.set(stmt.name, this.region);
    const name = this.name(stmt.name);
    const type = this.dialect.types[stmt.type];
    if (isEffect(stmt.value)) {
      out.line(`${type} ${name};`);
      this.effect(name, stmt.value, out);
    } else {
      if (!stmt.mutable) this.values.set(stmt.name, stmt.value);
      out.line(`${stmt.mutable ? "" : "const "}${type} ${name} = ${printC(stmt.value, this.dialect)};`);
    }
  }

  private assign(stmt: StmtOf<"assign">, out: Writer): void {
    const name = this.name(stmt.name);
    let value: string;
    if (isEffect(stmt.value)) {
      value = this.fresh(`${stmt.name}_next`);
      out.line(`${this.dialect.types[stmt.value.type]} ${value};`);
      this.effect(value, stmt.value, out);
    } else {
      value = printC(stmt.value, this.dialect);
    }
    out.line(`${name} = ${this.kept(stmt.name, name, value)};`);
  }

  /** The value of an assignment, with the old one for the lanes that must keep it. */
  private kept(local: string, name: string, value: string): string {
    const home = this.homes.get(local);
    if (home === undefined) throw new CompilerBug(`${local} is assigned before it is declared`);
    const between = this.regions.slice(this.regions.indexOf(home) + 1);
    const keeping = between.filter(region => region.kind === "branch" || region.readLater.has(local));
    const [only] = keeping;
    if (only === undefined) return value;
    if (keeping.length === 1 && only === this.region && only.test !== null) {
      only.testUsed++;
      return only.test.holds ? `rt_select(${only.test.name}, ${value}, ${name})` : `rt_select(${only.test.name}, ${name}, ${value})`;
    }
    return `rt_select(${this.mask()}, ${value}, ${name})`;
  }

  private leave(label: string, out: Writer): void {
    const from = this.regions.findIndex(region => region.label === label);
    if (from < 0) throw new CompilerBug(`leave ${label} is not inside of it`);
    const here = this.region;
    const outer = this.regions.slice(from, -1);
    if (outer.length > 0) {
      const current = this.mask();
      for (const region of outer) out.line(`${this.mask(region)} &= !${current};`);
    }
    if (here.kind !== "branch") out.line(`${this.mask()} = false;`);
  }

  private branch(stmt: StmtOf<"if">, after: ReadonlySet<string>, out: Writer): void {
    if (this.leaveIf(stmt, out)) return;
    const test = this.fresh("test");
    const sides = [
      { body: stmt.then, holds: true },
      { body: stmt.otherwise, holds: false },
    ].filter(side => side.body.length > 0);
    const written = sides.map(({ body, holds }) => {
      const skips = hasLoops(body) || hasEffects(body) || sizeOf(body) >= WORTH_SKIPPING;
      const region: Region = {
        kind: "branch",
        label: null,
        mask: this.fresh(holds ? "taken" : "untaken"),
        test: { name: test, holds },
        readLater: after,
        maskUsed: skips,
        testUsed: 0,
      };
      const inside = out.deferred();
      this.regions.push(region);
      if (skips) inside.braces(`if (any(${region.mask}))`, () => void this.statements(body, after, inside));
      else this.statements(body, after, inside);
      this.regions.pop();
      return { region, holds, inside };
    });
    const text = printC(stmt.test, this.dialect);
    const tests = written.reduce((sum, { region }) => sum + region.testUsed + (region.maskUsed ? 1 : 0), 0);
    const inline = tests <= 1;
    if (!inline) out.line(`const mask ${test} = ${text};`);
    // Both masks are taken before either side changes what the test read.
    for (const { region, holds } of written) {
      if (!region.maskUsed) continue;
      const condition = inline ? printCWithin(stmt.test, this.dialect, PRECEDENCE.unary) : test;
      out.line(`mask ${region.mask} = ${this.mask()} & ${holds ? condition : `!${condition}`};`);
    }
    for (const { inside } of written) {
      if (inline) inside.replace(test, text);
      out.append(inside);
    }
  }

  /** `if (test) leave label;` alone needs no branch: those lanes just stop running. */
  private leaveIf(stmt: StmtOf<"if">, out: Writer): boolean {
    const [only] = stmt.then;
    if (stmt.then.length !== 1 || stmt.otherwise.length > 0 || only?.kind !== "leave") return false;
    const from = this.regions.findIndex(region => region.label === only.label);
    const outer = this.regions.slice(from, -1);
    if (outer.length === 0) {
      out.line(`${this.mask()} &= ${printC(negated(stmt.test), this.dialect)};`);
      return true;
    }
    const gone = this.fresh("gone");
    out.line(`const mask ${gone} = ${this.mask()} & ${printCWithin(stmt.test, this.dialect, PRECEDENCE.unary)};`);
    for (const region of [...outer, this.region]) out.line(`${this.mask(region)} &= !${gone};`);
    return true;
  }

  private loop(stmt: StmtOf<"loop">, after: ReadonlySet<string>, out: Writer): void {
    const region = this.masked("loop", stmt.label, "running", after);
    out.line(`mask ${region.mask} = ${this.mask()};`);
    this.regions.push(region);
    out.braces(`while (any(${region.mask}))`, () => {
      out.line("if (lanes.stopped()) return {};");
      // The next turn reads what this one leaves behind, but for the body's own locals.
      const around = new Set([...after, ...usesOf(stmt.body)].filter(name => !declaredIn(stmt.body).has(name)));
      this.statements(stmt.body, around, out);
    });
    this.regions.pop();
  }

  private block(stmt: StmtOf<"block">, after: ReadonlySet<string>, out: Writer): void {
    if (!leavesOf(stmt.body).has(stmt.label)) {
      out.braces("", () => void this.statements(stmt.body, after, out));
      return;
    }
    const region = this.masked("block", stmt.label, "inside", after);
    out.line(`mask ${region.mask} = ${this.mask()};`);
    this.regions.push(region);
    out.braces("", () => void this.statements(stmt.body, after, out));
    this.regions.pop();
  }
  private masked(kind: "loop" | "block", label: string, mask: string, readLater: ReadonlySet<string>): Region {
    return { kind, label, mask: this.fresh(mask), test: null, readLater, maskUsed: true, testUsed: 0 };
  }
}
