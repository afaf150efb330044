/** Explanations as Mermaid flowcharts: the source, the kernels, what happens between them, and the result. */
import type { Explanation, KernelExplanation } from "./explanation.js";

export function explanationAsMermaid(explanation: Explanation): string {
  const chart = new Chart();
  for (const one of [explanation, ...explanation.behind]) chart.query(one, "  ");
  return `flowchart TD\n${chart.lines.join("\n")}\n`;
}

/** Where the arrows to what follows begin. */
type Ends = readonly string[];

class Chart {
  readonly lines: string[] = [];
  private nodes = 0;

  /** A query from its source to its result, whose name it gives. */
  query(explanation: Explanation, indent: string): string {
    const { source, fastMath, terminal, kernels, rewritten, results = [], reason } = explanation;
    const first = this.node(indent, "([", [`compute(${source}${fastMath ? ", { fastMath: true }" : ""})`, ...rewritten.map(change => `rewritten: ${change}`)], "])", []);
    let ends: Ends = [first];
    for (const table of new Set(kernels.map(kernel => kernel.table))) {
      const here = kernels.flatMap((kernel, at) => (kernel.table === table ? [{ kernel, at }] : []));
      ends = this.steps(explanation, here[0]?.at ?? 0, indent, ends);
      ends = here.map(({ kernel, at }) => this.node(indent, "[", labelOf(explanation, kernel, at), "]", ends));
    }
    return this.node(indent, "([", [...(reason === undefined ? [] : [`for ${results.join(", ")}, by itself: ${reason}`]), terminal.text], "])", ends);
  }

  /** What happens before a kernel: its steps, one after the other, and the other queries that they run. */
  private steps({ steps }: Explanation, kernel: number, indent: string, before: Ends): Ends {
    let ends = before;
    for (const { text, others } of steps.filter(step => step.before === kernel)) {
      const results = others.map(other => {
        this.lines.push(`${indent}subgraph other${this.nodes} [" "]`);
        const result = this.query(other, `${indent}  `);
        this.lines.push(`${indent}end`);
        return result;
      });
      ends = [this.node(indent, "{{", [text], "}}", [...ends, ...results])];
    }
    return ends;
  }

  /** A node with arrows to it; gives its name. */
  private node(indent: string, open: string, label: readonly string[], close: string, from: Ends): string {
    const name = `n${this.nodes}`;
    this.nodes += 1;
    this.lines.push(`${indent}${name}${open}"${label.map(escaped).join("<br/>")}"${close}`, ...from.map(other => `${indent}${other} --> ${name}`));
    return name;
  }
}

const labelOf = ({ stages, kernels, terminal }: Explanation, { stages: own, fuses, gives, barrier, shortcut, backend }: KernelExplanation, at: number): readonly string[] => [
  `kernel ${at + 1} of ${kernels.length} ${shortcut === null ? `on ${backend}` : "need not run"}`,
  ...own.map(stage => `.${stages[stage]?.text ?? ""}`),
  ...(fuses.length > own.length ? [`.${terminal.text}`] : []),
  gives,
  ...(barrier === null ? [] : [`barrier: ${barrier}`]),
];

/** Characters that mean something in Mermaid are written as their codes, and so are all others that are not plain; a label is never empty. */
const escaped = (text: string): string => (text === "" ? "\u00a0" : text).replaceAll(/[^A-Za-z0-9 .,()+\-*/=_']/gu, character => `#${character.codePointAt(0) ?? 0};`);
