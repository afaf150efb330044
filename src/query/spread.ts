/** How far elements are spread: variance and standard deviation, which are queries of the mean and then of the deviations from it. */
import { QueryError } from "../../fusion/errors.js";
import type { BoundQuery, BoundTerminal } from "./bound.js";
import { describe } from "./given.js";
import type { LazyValue, Work } from "./lazy.js";
import { checkOptions } from "./options.js";
import { Sequel } from "./sequel.js";
import { plainTerminal } from "./verbs.js";

export function spread(query: BoundQuery, kind: "variance" | "standardDeviation", options: unknown): LazyValue<number> {
  const { element } = query.shape;
  if (element === "i64" || element === "u64") throw new QueryError("DC306", `${kind} does not exist for BigInts: it may be a fraction`, `Take it of numbers: .as(Float64Array).${kind}().`);
  const node = query.shape.varianceTerminal(kind, isSample(kind, options));
  const around = (mean: number): BoundTerminal => ({ query, node, values: [mean] });
  const [mean, named] = [plainTerminal(query, "average"), around(0)];
  const begin = function* (): Work<number> {
    return (yield around((yield mean) as number)) as number;
  };
  return new Sequel(mean, () => [named], begin, named);
}

export function isSample(kind: string, options: unknown): boolean {
  const remedy = `Write .${kind}({ sample: true }).`;
  const { sample } = checkOptions(options, kind, ["sample"], remedy);
  if (sample === undefined || typeof sample === "boolean") return sample === true;
  throw new QueryError("DC305", `sample is true or false, not ${describe(sample)}`, remedy);
}
