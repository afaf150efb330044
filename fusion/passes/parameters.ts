/** The names of one kernel: its scalar and array parameters, as lambdas ask for them, and its locals. */
import type { ArrayParameter, Expr, Origin, ScalarParameter } from "../ir.js";
import { BASE, LITERAL, SEED, SIZE, TABLE, type CaptureType } from "../query.js";
import type { Span } from "../parse/surface.js";
import { calledOrigin, TEXT, textElement, textMethod, textOrigin, type TextTable } from "../texts.js";
import type { ElementType, ScalarType } from "../types.js";

/** `$` and letters beyond ASCII are no part of an identifier in C; columns may have any name. */
const legal = (name: string): string => name.replaceAll(/\W/gu, "_").replace(/^(?=\d|$)/, "v");

/** The identifier that a parameter should have, by what it stands for. */
export const plainName = ({ stage, name }: Origin): string => (stage === LITERAL ? "text" : stage === TEXT ? `${calledOrigin({ stage, name })}_of` : stage === SIZE ? (name === "0" ? "width" : "height") : name === SEED ? "seed" : name === BASE ? "base" : legal(name));

/** Gives out names that are unique in a kernel. */
export class Names {
  private readonly taken: Set<string>;
  constructor(taken: Iterable<string> = []) {
    this.taken = new Set(taken);
  }
  /** `wanted`, or `wanted_2`, `wanted_3` … */
  fresh(wanted: string): string {
    const plain = legal(wanted);
    let name = plain;
    for (let n = 2; this.taken.has(name); n++) name = `${plain}_${String(n)}`;
    this.taken.add(name);
    return name;
  }
}

/** Names for one lambda's locals: when inference starts again, the n-th wish for a name gets the same name again. */
export class LambdaNames {
  private readonly given = new Map<string, string[]>();
  private readonly next = new Map<string, number>();

  constructor(private readonly names: Names) {}

  restart(): void {
    this.next.clear();
  }

  fresh(wanted: string): string {
    const index = this.next.get(wanted) ?? 0;
    this.next.set(wanted, index + 1);
    const list = this.given.get(wanted) ?? [];
    this.given.set(wanted, list);
    return (list[index] ??= this.names.fresh(wanted));
  }

  /** A name for something that outlives a restart (a variable, a label). */
  lasting(wanted: string): string {
    return this.names.fresh(wanted);
  }
}

export class Parameters {
  readonly scalars: ScalarParameter[] = [];
  readonly arrays: ArrayParameter[] = [];
  /** What BigInts are that nothing else decides about (captures and literals among themselves): as the sequence's own are. */
  big: "i64" | "u64" = "i64";
  private readonly captures = new Map<string, CaptureType>();
  private readonly texts: { readonly span: Span; readonly stage: number; readonly table: string; readonly name: string; readonly makes: boolean }[] = [];

  constructor(readonly names: Names) {}

  /** The parameter that hands over scalar capture `name` of a stage as a `type`. */
  scalar(stage: number, name: string, type: ScalarType, capture: CaptureType): string {
    const found = this.scalars.find(p => p.origin.stage === stage && p.origin.name === name && p.type === type);
    if (found) return found.name;
    const origin = { stage, name };
    const parameter = { name: this.names.fresh(plainName(origin)), type, origin };
    this.scalars.push(parameter);
    this.captures.set(parameter.name, capture);
    return parameter.name;
  }

  /** A number that is handed over under a name of the compiler's own. */
  sized(name: string, origin: Origin): string {
    const parameter: ScalarParameter = { name: this.names.fresh(name), type: "f64", origin };
    this.scalars.push(parameter);
    return parameter.name;
  }

  /** How many elements a stage leaves out at the beginning. */
  base(stage: number): Expr {
    return { kind: "capture", type: "f64", name: this.scalar(stage, BASE, "f64", { kind: "number", single: false }) };
  }

  array(stage: number, name: string, element: ElementType): string {
    const found = this.arrays.find(p => p.origin.stage === stage && p.origin.name === name);
    if (found) return found.name;
    const parameter = { name: this.names.fresh(name), element, origin: { stage, name } };
    this.arrays.push(parameter);
    return parameter.name;
  }

  /** What a method gives for each string. Asked for again at the same place, it is the same array. */
  text(table: Omit<TextTable, "level">, stage: number, span: Span): string {
    const wanted = JSON.stringify(table);
    const known = this.texts.find(text => text.span === span && text.stage === stage && text.table === wanted);
    if (known !== undefined) return known.name;
    const makes = textMethod(table.method).gives === "string";
    const origin = textOrigin({ ...table, level: makes ? this.texts.filter(text => text.makes).length : 0 });
    const found = this.arrays.find(parameter => parameter.origin.stage === TEXT && parameter.origin.name === origin.name);
    const name = found?.name ?? this.names.fresh(plainName(origin));
    if (found === undefined) this.arrays.push({ name, element: textElement(table.method), origin });
    this.texts.push({ span, stage, table: wanted, name, makes });
    return name;
  }

  /** A column of the table that the kernel reads. */
  column(name: string, element: ElementType): string {
    const parameter: ArrayParameter = { name: this.names.fresh(name), element, origin: { stage: TABLE, name }, column: true };
    this.arrays.push(parameter);
    return parameter.name;
  }

  /** The same capture handed over as another type, where its value is exactly that; null where it need not be. */
  exactTwin(parameter: string, type: "f32" | "i64" | "u64"): string | null {
    const found = this.scalars.find(p => p.name === parameter);
    const capture = this.captures.get(parameter);
    if (!found || !capture) return null;
    const fits = type === "f32" ? capture.kind === "number" && capture.single : capture.kind === "bigint";
    return fits ? this.scalar(found.origin.stage, found.origin.name, type, capture) : null;
  }
}
