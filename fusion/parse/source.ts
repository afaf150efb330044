/** From the text of a function to its syntax tree. */
import { parse } from "acorn";
import type { ArrowFunctionExpression, Expression, FunctionDeclaration, FunctionExpression, Node } from "acorn";
import { LambdaError } from "../errors.js";
import { FORMS } from "./refusals.js";
import type { SourceText, Span } from "./surface.js";

/** A text that was parsed inside some wrapping, which shifts the offsets of its nodes. */
export interface Site {
  readonly source: SourceText;
  readonly shift: number;
}

export type FunctionNode = ArrowFunctionExpression | FunctionExpression | FunctionDeclaration;

export interface ParsedFunction {
  readonly site: Site;
  readonly node: FunctionNode;
}

export const spanOf = (site: Site, node: { readonly start: number; readonly end: number }): Span =>
  within(site.source, node.start - site.shift, node.end - site.shift);

const within = (source: SourceText, start: number, end: number): Span => {
  const from = Math.max(0, Math.min(start, source.text.length));
  return { source, start: from, end: Math.max(from, Math.min(end, source.text.length)) };
};

/** Arrows and functions stand in parentheses; the text of a method is only legal inside an object. */
const WRAPPINGS = [
  { before: "(", after: "\n)" },
  { before: "({", after: "\n})" },
] as const;

const TOO_DEEP = "Split it: keep parts in const variables, or in helper functions handed over by name";

/** Reads the text of an arrow, a function or a method. */
export function parseFunction(source: SourceText): ParsedFunction {
  refuseUnreadable(source);
  const failures: { readonly message: string; readonly position: number }[] = [];
  for (const wrapping of WRAPPINGS) {
    const site: Site = { source, shift: wrapping.before.length };
    const parsed = tryParse(wrapping.before + source.text + wrapping.after, site);
    if ("message" in parsed) failures.push(parsed);
    else return { site, node: functionOf(parsed.expression, site) };
  }
  // The reading that came furthest knows best what is wrong.
  const [first, second] = failures as [(typeof failures)[0], (typeof failures)[0]];
  const worst = second.position > first.position ? second : first;
  throw new LambdaError(
    "DC101",
    `${source.label} cannot be read: ${worst.message}`,
    within(source, worst.position, worst.position + 1),
    "Pass an arrow function, x => x * 2, or any function whose text is plain JavaScript",
  );
}

function tryParse(text: string, site: Site): { readonly expression: Expression } | { readonly message: string; readonly position: number } {
  try {
    const { body } = parse(text, {
      ecmaVersion: "latest",
      // Read first, so that these are refused with their own remedy.
      allowSuperOutsideMethod: true,
      checkPrivateFields: false,
    });
    const [statement, behind] = body;
    if (statement?.type !== "ExpressionStatement") return { message: "it is no expression", position: 0 };
    if (behind !== undefined) return { message: "something stands behind the function", position: behind.start - site.shift };
    return { expression: statement.expression };
  } catch (error) {
    // Depending on where acorn notices that its stack is running out.
    if (error instanceof RangeError || (error instanceof SyntaxError && error.message.startsWith("Not enough stack space"))) {
      throw new LambdaError("DC102", `${site.source.label} is nested too deeply`, within(site.source, 0, site.source.text.length), TOO_DEEP);
    }
    if (!(error instanceof SyntaxError)) throw error;
    const position = (error as SyntaxError & { readonly pos?: number }).pos ?? 0;
    return { message: error.message.replace(/ \(\d+:\d+\)$/, "").replace(/^./, (letter) => letter.toLowerCase()), position: position - site.shift };
  }
}

function functionOf(expression: Expression, site: Site): FunctionNode {
  if (expression.type === "ArrowFunctionExpression" || expression.type === "FunctionExpression") return expression;
  if (expression.type === "ObjectExpression" && site.shift === WRAPPINGS[1].before.length) {
    const [property, behind] = expression.properties;
    if (behind !== undefined) throw refusal(site, behind, "something stands behind the function", "Pass one function: x => x * 2");
    if (property?.type === "Property" && property.method && property.value.type === "FunctionExpression") return property.value;
    if (property?.type === "Property" && property.kind !== "init") {
      throw refusal(site, expression, `${site.source.label} is a getter or setter`, "Pass an arrow function instead: x => x * 2");
    }
  }
  if (expression.type === "ClassExpression") {
    throw refusal(site, expression, `${site.source.label} is a class`, "Pass a function: a kernel has numbers, no objects");
  }
  throw refusal(site, expression, `${site.source.label} is not the text of a function`, "Pass an arrow function: x => x * 2");
}

const refusal = (site: Site, node: Node, what: string, remedy: string): LambdaError => {
  const span = spanOf(site, node);
  const newline = site.source.text.indexOf("\n", span.start);
  return new LambdaError("DC101", what, newline < 0 ? span : { ...span, end: Math.min(span.end, newline) }, remedy);
};

/** Refuses async functions and generators. */
export function checkPlain(node: FunctionNode, site: Site): void {
  const refusal = node.async ? FORMS.async : node.generator ? FORMS.generator : null;
  if (refusal !== null) {
    const head = spanOf(site, { start: node.start, end: node.body.start });
    const written = site.source.text.slice(head.start, head.end).trimEnd();
    throw new LambdaError(refusal.code, refusal.what, { ...head, end: head.start + written.length }, refusal.remedy);
  }
}

/** Texts that hold no program, or another program than was written. */
function refuseUnreadable(source: SourceText): void {
  const native = /\{\s*\[native code\]\s*\}\s*$/.exec(source.text);
  if (native !== null) {
    const name = /^(?:async\s+)?function\*?\s+([\w$]+)/.exec(source.text)?.[1];
    throw new LambdaError(
      "DC101",
      `${source.label} is built in or bound: it has no text to compile`,
      within(source, native.index, source.text.length),
      `Write a function that calls it: x => ${name !== undefined && name in Math ? `Math.${name}` : (name ?? "f")}(x)`,
    );
  }
  const counter = /(?<![\w$])cov_[\w$]+\(\)\s*\.\s*[sfb]\s*\[/.exec(source.text);
  if (counter !== null) {
    throw new LambdaError(
      "DC110",
      `${source.label} was rewritten to count coverage`,
      within(source, counter.index, counter.index + counter[0].length),
      "Measure coverage with V8 instead, which leaves the code as it is: c8, or coverage.provider \"v8\" in vitest",
    );
  }
}
