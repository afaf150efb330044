/** The elementary functions as JavaScript, for kernels that call them: the very statements that other backends get in place. */
import { generate } from "astring";
import type { Node } from "estree";
import { local } from "../build.js";
import { CompilerBug } from "../errors.js";
import type { Kernel } from "../ir.js";
import { instantiate } from "../passes/lower.js";
import { Names as LocalNames } from "../passes/parameters.js";
import { prune } from "../passes/prune.js";
import { simplify } from "../passes/simplify.js";
import { declaredIn } from "../traverse.js";
import { identifier, skeleton } from "./estree.js";
import { BodyEmitter, Names } from "./js-body.js";
import { functionName, HELPERS, type FunctionHelper, type HelperName, type Helpers } from "./js-helpers.js";

interface Written {
  readonly text: string;
  /** The helpers that it calls itself. */
  readonly needs: Helpers;
}

const written = new Map<string, Written>();

/** The texts of helpers and of all that they need, each once and after what it needs. */
export function helperTexts(helpers: Helpers): readonly string[] {
  const texts = new Map<string, string>();
  const add = (name: string, helper: HelperName | FunctionHelper): void => {
    if (texts.has(name)) return;
    const { text, needs } = typeof helper === "string" ? plain(helper) : functionText(name, helper);
    for (const [other, needed] of needs.needed) add(other, needed);
    texts.set(name, text);
  };
  for (const [name, helper] of helpers.needed) add(name, helper);
  return [...texts.values()];
}

function plain(name: HelperName): Written {
  const helper: { readonly text: string; readonly needs?: readonly string[] } = HELPERS[name];
  return { text: helper.text, needs: { needed: new Map((helper.needs ?? []).map(needed => [needed, needed as HelperName])), fastMath: false } };
}

function functionText(name: string, helper: FunctionHelper): Written {
  let text = written.get(name);
  if (text === undefined) written.set(name, (text = write(helper)));
  return text;
}

function write(helper: FunctionHelper): Written {
  const { name, type, count } = helper;
  const parameters = count === 1 ? ["x"] : count === 2 ? ["x", "y"] : Array.from({ length: count }, (_, place) => `x${String(place + 1)}`);
  const operands = parameters.map(parameter => local(type, parameter));
  const { body, result } = instantiate({ kind: "apply", op: name, type, args: operands }, operands, new LocalNames(parameters));
  const whole: Kernel = { source: { kind: "range" }, scalars: [], arrays: [], body: [...body, { kind: "yield", value: result }], sink: { kind: "array", element: type } };
  const kernel = prune(simplify(whole));
  const last = kernel.body.at(-1);
  if (last?.kind !== "yield" || last.value === null) throw new CompilerBug(`${name} gives nothing`);
  const names = new Names();
  for (const each of [...parameters, ...declaredIn(kernel.body)]) names.of(each);
  const nowhere = identifier("undefined");
  const needs: Helpers = { needed: new Map(), fastMath: false };
  const emitter = new BodyEmitter(kernel, names, nowhere, nowhere, { yield: () => [] }, needs);
  const [definition] = skeleton(`const $helper = (${parameters.map(parameter => names.of(parameter)).join(", ")}) => { BODY; return $value; };`, {
    $helper: functionName(helper),
    BODY: emitter.statements(kernel.body.slice(0, -1)),
    $value: emitter.value(last.value),
  });
  return { text: generate(definition as Node, { indent: "  " }), needs };
}
