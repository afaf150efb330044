/** Explanations as text. */
import { compiledInWords } from "./code.js";
import type { Explanation, KernelExplanation } from "./explanation.js";

const FAST = "  fastMath: multiply-adds may round once and elementary functions are the backend's fastest, so bits may differ between backends and machines";

/** The query as it would be written, a verb a line, and what runs, in order. */
export function explanationInWords(explanation: Explanation): string {
  const { source, stages, terminal, fastMath, rewritten, kernels } = explanation;
  const query = [`compute(${source}${fastMath ? ", { fastMath: true }" : ""})`, ...[...stages, terminal].map(({ text }) => `  .${text}`)];
  const changes = [...resultsInWords(explanation), ...rewritten.map(change => `rewritten: ${change}`)];
  const runs = kernels.flatMap((kernel, at) => [...stepsBefore(explanation, at), ...kernelInWords(explanation, kernel, at)]);
  return [`${query.join("\n")}\n\n${[...changes, ...runs].join("\n")}\n`, ...explanation.behind.map(explanationInWords)].join("\n");
}

/** Which of several results these kernels give. */
function resultsInWords({ results, reason, kernels, behind }: Explanation): readonly string[] {
  if (kernels.length === 0) return [`no kernel gives several of these results: ${behind.length} queries run, one after the other`];
  if (results === undefined) return [];
  return [`for ${results.join(", ")}${reason === undefined ? ", in one pass" : `, by itself: ${reason}`}`];
}

function stepsBefore({ steps }: Explanation, kernel: number): readonly string[] {
  return steps.filter(({ before }) => before === kernel).flatMap(({ text, others }) => [text, ...others.flatMap(other => explanationInWords(other).trimEnd().split("\n").map(line => `  | ${line}`.trimEnd()))]);
}

const kernelInWords = ({ kernels, fastMath, compiled }: Explanation, { fuses, reads, gives, joins, barrier, shortcut, backend, reason }: KernelExplanation, at: number): readonly string[] => [
  titleOf(at, kernels.length, fuses),
  `  reads ${reads}`,
  `  ${gives}`,
  ...(joins === undefined ? [] : [`  ${joins}`]),
  ...(barrier === null ? [] : [`  barrier: ${barrier}`]),
  ...(fastMath ? [FAST] : []),
  ...(compiled === undefined ? [] : [`  ${compiledInWords(compiled)}`]),
  `  ${shortcut ?? `${backend}: ${reason}`}`,
];

/** The kernel's number, and what is fused into it. */
export const titleOf = (at: number, count: number, fuses: readonly string[]): string =>
  [`kernel ${at + 1} of ${count}`, ...(fuses.length === 0 ? [] : [fuses.join(", ")])].join(": ");
