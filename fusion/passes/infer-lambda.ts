/** Types whole lambdas: with what is known of their variables so far, until nothing more is learnt. */
import { CompilerBug } from "../errors.js";
import type { Stmt } from "../ir.js";
import type { SurfaceLambda } from "../parse/surface.js";
import { Inference, type LambdaContext, type Row, type TypedLambda, type TypedResult, type Variable } from "./infer.js";
import type { StoreSite } from "./infer-stores.js";
import { there } from "./nulls.js";
import { LambdaNames } from "./parameters.js";
import type { Typed } from "./typing.js";

const MOST_REPETITIONS = 20;

/**
 * Types one lambda. `args` are the values of its parameters, as many as the lambda declares (or more). Names of locals become
 * unique in the kernel.
 */
export function inferLambda(lambda: SurfaceLambda, args: readonly (Typed | Row)[], context: LambdaContext): TypedLambda {
  const { body, result } = inferResult(lambda, args, context);
  if (result instanceof Map) throw new CompilerBug("a row is where a single value is needed");
  return { body, result: there(result as Typed) };
}

/** The same for a lambda that may give a row. */
export function inferResult(lambda: SurfaceLambda, args: readonly (Typed | Row)[], context: LambdaContext): TypedResult {
  return inferred(lambda, args, context, inference => inference.result(lambda.result));
}

/** The same for an index-space kernel, which gives nothing. */
export function inferSpace(lambda: SurfaceLambda, places: readonly Typed[], context: LambdaContext): { readonly body: readonly Stmt[]; readonly sites: readonly StoreSite[] } {
  const { body, result } = inferred(lambda, places, context, ({ sites }) => sites);
  return { body, sites: result };
}

/** `finish`: what comes after the body. */
function inferred<Result>(lambda: SurfaceLambda, args: readonly (Typed | Row)[], context: LambdaContext, finish: (inference: Inference) => Result): { readonly body: readonly Stmt[]; readonly result: Result } {
  const given = new Map<string, Typed>();
  lambda.parameters.forEach((name, index) => {
    const arg = args[index];
    if (!arg) throw new CompilerBug(`no value for parameter ${name}`);
    if ("expr" in arg) given.set(name, arg);
    else for (const [column, variable] of lambda.rows[index] ?? []) given.set(variable, arg.column(column));
  });
  const variables = new Map<string, Variable>();
  const labels = new Map<string, string>();
  const names = new LambdaNames(context.parameters.names);
  for (let repetition = 0; repetition < MOST_REPETITIONS; repetition++) {
    names.restart();
    const inference = new Inference(context, given, variables, labels, names);
    inference.statements(lambda.body);
    const result = finish(inference);
    if (!inference.changed) return { body: inference.out, result };
  }
  throw new CompilerBug("type inference does not come to an end");
}
