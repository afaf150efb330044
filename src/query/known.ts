/**
 * What earlier processes of this build have found out about queries: what stands behind each stage, and the plan of the whole with its kernels' C++. So a process that
 * asks the same of kernels that are compiled already comes to its result without the compiler, whose loading takes longer than all else.
 */
import { countsAll, isIdle, type Plan, type TerminalShape } from "../../fusion/query.js";
import { knownText, learnText } from "../backends/emitted.js";
import { partsOf } from "../backends/parts.js";
import { ownAddon } from "../backends/cpu/load-addon.js";
import { sha256 } from "../cache/digest.js";
import { packed, unpacked } from "../cache/packed.js";
import { planFolder, type PlanFolder } from "../cache/plans.js";
import type { Way } from "./edges.js";
import type { Sequence, ShapeNode } from "./shape.js";
import type { TerminalNode } from "./terminal.js";

/** Of the sources that a package was built from: scripts/build.mjs puts it here. What one build has planned is for no other. */
declare const SOURCES_HASH: string | undefined;

/** How many queries of a process are left for others. */
const MOST_NOTED = 64;
/** Of one plan. The largest of the examples has some thousand. */
const MOST_VALUES = 20_000;

interface KnownPlan {
  readonly plan: Plan;
  /** The C++ of each of its kernels; null for those that need not run. */
  readonly texts: readonly (string | null)[];
}

export class KnownQueries {
  private readonly keys = new WeakMap<ShapeNode, string>();
  private readonly noted = new Set<TerminalNode>();

  /** `build`: tells plans of one build of the library from those of others. */
  constructor(
    private readonly folder: PlanFolder,
    private readonly build: string,
  ) {}

  /** The sequence behind a stage; null if no process has left it. */
  sequence(parent: ShapeNode, way: Way): Sequence | null {
    const text = this.folder.recall(keyBehind(this.keyOf(parent), way, "stage"));
    return text === null ? null : (unpacked(text) as Sequence);
  }

  /** The plan of a query that ends with this terminal, with its kernels' C++. */
  plan(parent: ShapeNode, kind: TerminalShape["kind"], way: Way): Plan | null {
    const text = this.folder.recall(keyBehind(this.keyOf(parent), way, kind));
    if (text === null) return null;
    const { plan, texts } = unpacked(text) as KnownPlan;
    plan.kernels.forEach(({ kernel }, at) => {
      const own = texts[at] as string | null;
      if (own !== null) learnText(kernel, own);
    });
    return plan;
  }

  /** This process has planned it: later ones are told, when it ends. */
  note(node: TerminalNode): void {
    if (this.noted.size >= MOST_NOTED) return;
    if (this.noted.size === 0) atExit(this);
    this.noted.add(node);
  }

  /** Leaves what was noted, where native kernels were asked for. */
  leave(): void {
    const left = new Set<string>();
    const remember = (key: string, value: unknown): void => {
      if (left.has(key) || this.folder.recall(key) !== null) return;
      left.add(key);
      const text = packed(value, MOST_VALUES);
      if (text !== null) this.folder.remember(key, text);
    };
    for (const node of this.noted) {
      const known = knownPlan(node.plan());
      if (known === null) continue;
      for (let at = node.parent; at.parent !== null; at = at.parent) {
        const { element, columns } = at;
        remember(this.keyOf(at), { element, columns });
      }
      remember(keyBehind(this.keyOf(node.parent), node.way, node.kind), known);
    }
    if (left.size > 0) this.folder.trim();
  }

  private keyOf(node: ShapeNode): string {
    let key = this.keys.get(node);
    if (key === undefined) {
      const { parent, way, source, fastMath } = node;
      key = parent === null ? sha256(JSON.stringify([this.build, source, source.kind === "columns" ? [...source.columns] : [], fastMath])) : keyBehind(this.keyOf(parent), way, "stage");
      this.keys.set(node, key);
    }
    return key;
  }

}

/** What is reached from there by that way. JSON keeps the parts apart. */
const keyBehind = (before: string, way: Way, kind: string): string => sha256(JSON.stringify([before, kind, way]));

/** Null where the C++ of a kernel that runs is not known: then none was asked for, or it is divided into several. */
function knownPlan(plan: Plan): KnownPlan | null {
  const texts = plan.kernels.map(({ kernel }) => (partsOf("cpu", kernel).length === 1 ? knownText(kernel) : null));
  return plan.kernels.every((planned, at) => texts[at] !== null || isIdle(planned) || countsAll(planned)) ? { plan, texts } : null;
}

/** One listener for all, since emitters warn of many. */
const leaving: KnownQueries[] = [];

function atExit(queries: KnownQueries): void {
  if (leaving.length === 0) process.once("exit", () => leaving.forEach(one => one.leave()));
  leaving.push(queries);
}

/** What is known in a kernel cache's folder; null for a library that is not built, without an addon to run kernels, and where it is not wanted. */
export function knownIn(folder: string | undefined): KnownQueries | null {
  if (typeof SOURCES_HASH !== "string" || process.env["DOTCOMPUTE_CODE_CACHE"] === "off" || ownAddon().addon === null) return null;
  return new KnownQueries(planFolder(folder), SOURCES_HASH);
}

