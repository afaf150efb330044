/** The elementary functions as JavaScript, for kernels that call them: the very statements that other backends get in place. */
import { generate } from "astring";
import type { Node } from "estree";
import type { Kernel } from "../ir.js";
import { definitionOf, type FunctionType } from "../passes/elementary.js";
import { declaredIn } from "../traverse.js";
import { identifier, skeleton } from "./estree.js";
import { BodyEmitter, Names } from "./js-body.js";
import { functionName, HELPERS, type HelperName, type Helpers } from "./js-helpers.js";

interface Written {
  readonly text: string;
  /** The helpers that it calls itself. */
  readonly needs: Helpers;
}

const written = new Map<string, Written>();

/** The texts of helpers and of all that they need, each once and after what it needs. */
export function helperTexts(helpers: Helpers): readonly string[] {
  const texts = new Map<string, string>();
  const add = (name: string, helper: HelperName | FunctionType): void => {
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

function functionText(name: string, helper: FunctionType): Written {
  let text = written.get(name);
  if (text === undefined) written.set(name, (text = write(helper)));
  return text;
}

function write(helper: FunctionType): Written {
  const { parameters, body, result } = definitionOf(helper);
  const kernel: Kernel = { source: { kind: "range" }, scalars: [], arrays: [], body, sink: { kind: "count" } };
  const names = new Names();
  for (const each of [...parameters, ...declaredIn(body)]) names.of(each);
  const nowhere = identifier("undefined");
  const needs: Helpers = { needed: new Map(), fastMath: false };
  const emitter = new BodyEmitter(kernel, names, nowhere, nowhere, { yield: () => [] }, needs);
  const [definition] = skeleton(`const $helper = (${parameters.map(parameter => names.of(parameter)).join(", ")}) => { BODY; return $value; };`, {
    $helper: functionName(helper),
    BODY: emitter.statements(body),
    $value: emitter.value(result),
  });
  return { text: generate(definition as Node, { indent: "  " }), needs };
}
