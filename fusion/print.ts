/** A kernel as text, a line per statement: for `explain`, for tests and for the messages of `CompilerBug`. */
import type { Expr, Kernel, Sink, Source, Stmt } from "./ir.js";
import { operator } from "./ops.js";
import type { ScalarType, ScalarValue } from "./types.js";

export function printValue(type: ScalarType, value: ScalarValue): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return type === "bool" ? text : `${text}:${type}`;
}

/** `add.f64(element, 1:f64)`: operators carry their operand type, so that the text shows in which type each is done. */
export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case "const":
      return printValue(expr.type, expr.value);
    case "local":
    case "capture":
      return expr.name;
    case "element":
    case "index":
      return expr.kind;
    case "axis":
      return `axis ${expr.axis}`;
    case "column":
      return `${expr.array}[index${expr.offset === undefined ? "" : ` + ${expr.offset}`}]`;
    case "length":
      return `${expr.array}.length`;
    case "read":
      return `${expr.array}[${printExpr(expr.at)}]`;
    case "apply": {
      const args = expr.args.map(printExpr).join(", ");
      const over = expr.args[0]?.type ?? expr.type;
      if (expr.op === "convert") return `${expr.type}(${args})`;
      return `${expr.op}.${operator(expr.op).gives === "same" ? expr.type : over}(${args})`;
    }
    case "select":
      return `select(${printExpr(expr.test)}, ${printExpr(expr.yes)}, ${printExpr(expr.no)})`;
    default:
      return expr satisfies never;
  }
}

function stmtLines(stmt: Stmt, indent: string): readonly string[] {
  const nested = (body: readonly Stmt[]): readonly string[] => body.flatMap(inner => stmtLines(inner, indent + "  "));
  switch (stmt.kind) {
    case "declare":
      return [`${indent}${stmt.mutable ? "let" : "const"} ${stmt.name}: ${stmt.type} = ${printExpr(stmt.value)}`];
    case "assign":
      return [`${indent}${stmt.name} = ${printExpr(stmt.value)}`];
    case "if": {
      const head = `${indent}if ${printExpr(stmt.test)} {`;
      if (stmt.otherwise.length === 0) return [head, ...nested(stmt.then), `${indent}}`];
      return [head, ...nested(stmt.then), `${indent}} else {`, ...nested(stmt.otherwise), `${indent}}`];
    }
    case "loop":
    case "block":
      return [`${indent}${stmt.kind} ${stmt.label} {`, ...nested(stmt.body), `${indent}}`];
    case "store":
      return [`${indent}${stmt.array}[${printExpr(stmt.at)}] = ${printExpr(stmt.value)}`];
    case "leave":
      return [`${indent}leave ${stmt.label}`];
    case "visit":
      return [`${indent}visit`];
    case "yield":
      return [`${indent}yield${stmt.values.length === 0 ? "" : ` ${stmt.values.map(printExpr).join(", ")}`}`];
    default:
      return stmt satisfies never;
  }
}

/** Statements, a line each, indented by `indent`. */
export function printStmts(stmts: readonly Stmt[], indent = ""): string {
  return stmts.flatMap(stmt => stmtLines(stmt, indent)).join("\n");
}

function printSource(source: Source): string {
  switch (source.kind) {
    case "array":
      return `${source.element}[]`;
    case "range":
      return "range";
    case "space":
      return `space of ${source.sizes.join(" by ")}`;
    default:
      return source satisfies never;
  }
}

/** One line that says what becomes of the yielded values, for example `reduce add f64 of f32, counted`. */
export function printSink(sink: Sink): string {
  switch (sink.kind) {
    case "array":
      return `${sink.element}[]`;
    case "reduce":
      return `reduce ${sink.op} ${sink.type}${sink.term === sink.type ? "" : ` of ${sink.term}`}${sink.counted ? ", counted" : ""}`;
    case "count":
      return "count";
    case "fold": {
      const start = sink.seed === null ? `starting with ${String(sink.first)}` : `from ${sink.seed}`;
      return `fold ${sink.accumulator}: ${sink.type} ${start}${sink.combine === null ? ", in order" : ""}`;
    }
    case "scan": {
      const { order, seed, type, running } = sink;
      const how = order.kind === "left" ? `${running}: ${type} in order${order.first === null ? "" : ` starting with ${order.first}`}` : `${order.op} ${type}${order.term === type ? "" : ` of ${order.term}`}`;
      return `${sink.exclusive ? "exclusive " : ""}scan ${how}${seed === null ? "" : ` from ${seed}`}, ${sink.element}[] of ${printExpr(sink.stored)}`;
    }
    case "first":
      return `first ${sink.type}${sink.ranked ? ", ranked" : ""}`;
    case "last":
      return `last ${sink.type}`;
    case "stores":
      return sink.order === "any" ? "stores" : "stores, in order";
    case "several":
      return `(${sink.sinks.map(printSink).join("; ")})`;
    default:
      return sink satisfies never;
  }
}

/** As long as a line of a terminal, about. */
const TITLE_LENGTH = 160;

/** A kernel in one line, for lists. */
export function printTitle(kernel: Kernel): string {
  const line = printKernel(kernel).replaceAll(/\s+/g, " ");
  return line.length <= TITLE_LENGTH ? line : `${line.slice(0, TITLE_LENGTH - 1)}…`;
}

/** A whole kernel: a head line with its source, parameters and sink, then its body. */
export function printKernel(kernel: Kernel): string {
  const parameters = [
    ...kernel.scalars.map(scalar => `${scalar.name}: ${scalar.type}`),
    ...kernel.arrays.map(array => `${array.name}: ${array.element}[]${array.written === true ? ", written" : ""}`),
  ];
  const lines = [`${printSource(kernel.source)} (${parameters.join(", ")}) -> ${printSink(kernel.sink)} {`];
  if (kernel.body.length > 0) lines.push(printStmts(kernel.body, "  "));
  lines.push("}");
  if (kernel.sink.kind === "fold" && kernel.sink.combine !== null) {
    const { left, right, body, value } = kernel.sink.combine;
    lines.push(`combine (${left}, ${right}) {`);
    if (body.length > 0) lines.push(printStmts(body, "  "));
    lines.push(`  give ${printExpr(value)}`, "}");
  }
  return lines.join("\n");
}
