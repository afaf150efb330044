/** What happens to tables between kernels, in words. */
import type { TableStep } from "../../fusion/query.js";

export function showStep(step: TableStep): string {
  const here = "on the calling thread";
  switch (step.kind) {
    case "slice":
      return `slice: views, nothing is copied, ${here}`;
    case "reverse":
      return `reverse: copies, ${here}`;
    case "distinct":
      return `distinct: a hash table, ${here}`;
    case "concat":
      return `concat: runs the other query and copies, ${here}`;
    case "zip":
      return `zip: runs the other query; views, nothing is copied, ${here}`;
    case "join":
      return `join: runs the other query, then a hash table of its keys, ${here}`;
    case "match":
      return `${step.keep ? "semiJoin" : "antiJoin"}: runs the other query's keys, then a hash table of them, ${here}`;
    case "sort":
      return `sort: a stable radix sort by ${step.keys.length === 1 ? "one key" : `${step.keys.length} keys`}, ${here}`;
    case "group": {
      const shown = step.aggregates.map(({ name, terminal }) => `${name} (${terminal})`);
      return `group: a hash table and a counting sort, then ${shown.join(", ")} of each group by itself, ${here}`;
    }
    default:
      return step satisfies never;
  }
}
