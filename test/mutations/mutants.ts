/** All mutants of a tree: a change of one file each. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { EQUIVALENT, type Equivalent } from "./equivalent.js";
import { RULES, type Suite } from "./rules.js";
import { lineOf, replaced, sourceLine } from "./text.js";

export interface Mutant {
  readonly rule: string;
  readonly suites: readonly Suite[];
  readonly file: string;
  readonly line: number;
  readonly before: string;
  readonly after: string;
  /** The whole file. */
  readonly text: string;
  /** Why no test can notice it; null if one must. */
  readonly equivalent: string | null;
}

/** Throws where the table of equivalent mutants mentions what is not there. */
export function mutantsOf(root: string, files: readonly string[]): readonly Mutant[] {
  const used = new Set<Equivalent>();
  const mutants = files.flatMap(file => {
    const rules = RULES.filter(rule => rule.files.test(file));
    if (rules.length === 0) return [];
    const text = readFileSync(path.join(root, file), "utf8");
    return rules.flatMap(({ name: rule, suites, changes }) =>
      changes(text).flatMap(({ start, end, by }): readonly Mutant[] => {
        const mutated = replaced(text, start, end, by);
        const [before, after] = [sourceLine(text, start), sourceLine(mutated, start)];
        if (mutated === text) return [];
        const above = sourceLine(text, text.lastIndexOf("\n", start) - 1);
        const means = ({ line, becomes = "", below = above }: Equivalent): boolean => line === before && after.includes(becomes) && below === above;
        const same = EQUIVALENT.find(entry => entry.rule === rule && entry.file === file && means(entry));
        if (same !== undefined) used.add(same);
        return [{ rule, suites, file, line: lineOf(text, start), before, after, text: mutated, equivalent: same?.reason ?? null }];
      }),
    );
  });
  const stale = EQUIVALENT.filter(entry => !used.has(entry));
  if (stale.length > 0) throw new Error(`test/mutations/equivalent.ts mentions what is no mutant: ${stale.map(({ file, line, rule }) => `${file}: ${line} (${rule})`).join("; ")}`);
  return mutants;
}
