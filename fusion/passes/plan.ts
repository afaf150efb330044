/** From a query's shape to its plan: that of its one terminal, or of several that share their last kernel. */
import { CompilerBug } from "../errors.js";
import type { Kernel } from "../ir.js";
import { branchStarts, type BranchShape, type Finish, type Plan, type PlannedKernel, type QueryShape } from "../query.js";
import { sinksOf } from "../traverse.js";
import { finishedPlan, fusedPlan, optimise, planChain, rewritten, type Chain } from "./pipeline.js";
import { share } from "./share.js";
import { simplify } from "./simplify.js";
import { isJoinable, isSame, joined, textOf, withoutTwins, type Joined, type Joining } from "./together.js";

/** The kernels of a query, and what becomes of the last one's result. Throws LambdaError or QueryError where types do not fit. */
export function planQuery(shape: QueryShape): Plan {
  const { terminal } = shape;
  return terminal.kind === "together" ? planTogether(shape, terminal.branches) : planChain(chainOf(shape));
}

/** What a query with one terminal gives, and of which types: its kernels are not optimised. Throws as `planQuery` does. */
export const finishOf = (shape: QueryShape): Finish => fusedPlan(chainOf(shape)).finish;

const chainOf = (shape: QueryShape): Chain => ({ shape, stages: shape.stages.map((stage, index) => ({ stage, index })), end: shape.stages.length });

/** What is planned of several terminals: those that share a kernel, and why others do not. */
export interface Joins {
  /** Places of branches, two at least of each group. */
  readonly groups: readonly (readonly number[])[];
  /** For each branch that runs by itself the reason; null for the others. */
  readonly apart: readonly (string | null)[];
}

/** A branch, planned by itself. */
interface Candidate {
  readonly place: number;
  readonly alone: Joining["alone"];
  /** As the planner would have it by itself; and as it was written, if that is something else. */
  readonly better: Variant;
  readonly written: Variant;
}

interface Variant {
  readonly plan: Plan;
  readonly changes: readonly string[];
  /** The same for branches whose last kernels read the same. */
  readonly key: string;
}

/** Which of several terminals share a kernel. Each gives the bits that it gives by itself. */
export function joinsOf(sequence: Omit<QueryShape, "terminal">, branches: readonly BranchShape[]): Joins {
  const chains = chainsOf(sequence, branches);
  const apart: (string | null)[] = [];
  const candidates: Candidate[] = [];
  for (const [place, chain] of chains.entries()) {
    const candidate = candidateOf(chain, place);
    if (typeof candidate === "string") apart[place] = candidate;
    else candidates.push(candidate);
  }
  const groups: (readonly number[])[] = [];
  for (const { members, variant } of grouped(candidates)) {
    let group = members;
    for (;;) {
      const others = group.length < 2 ? group : strangersIn(group, variant);
      for (const { place } of others) apart[place] = group.length < 2 ? ALONE : OTHERWISE;
      group = group.filter(member => !others.includes(member));
      if (others.length === 0) break;
    }
    if (group.length > 0) groups.push(group.map(({ place }) => place));
    for (const { place } of group) apart[place] = null;
  }
  return { groups, apart };
}

const ALONE = "no other one reads what its kernel reads";
const OTHERWISE = "beside others it would be folded otherwise";

function planTogether(shape: QueryShape, branches: readonly BranchShape[]): Plan {
  const candidates = chainsOf(shape, branches).map(candidateOf).map(candidate => {
    if (typeof candidate === "string") throw new CompilerBug(`a terminal shares no kernel: ${candidate}`);
    return candidate;
  });
  const [group, ...more] = grouped(candidates);
  if (group === undefined || more.length > 0) throw new CompilerBug("terminals that share a kernel do not read the same");
  const { kernel, parts } = merged(group.members, group.variant);
  const plans = candidates.map(candidate => candidate[group.variant]);
  const kernels = plans.map(({ plan }) => plan.kernels);
  const [first] = kernels as [readonly PlannedKernel[]];
  const stages = [...new Set(kernels.flatMap(all => all.at(-1)?.stages ?? []))];
  const whole: Plan = {
    ...(plans[0] as Variant).plan,
    kernels: [...first.slice(0, -1), { ...(first.at(-1) as PlannedKernel), stages, kernel }],
    integral: plans.flatMap(({ plan }) => plan.integral),
    finish: { kind: "together", parts },
  };
  return { ...finishedPlan(shape, whole), rewritten: [...new Set(plans.flatMap(({ changes }) => changes))] };
}

/** Each branch as a query of its own, its stages numbered among those of all. */
function chainsOf(sequence: Omit<QueryShape, "terminal">, branches: readonly BranchShape[]): readonly Chain[] {
  const depth = sequence.stages.length;
  const starts = branchStarts(depth, branches);
  return branches.map(({ stages, terminal }, at) => {
    const start = starts[at] as number;
    const all = [...sequence.stages, ...stages];
    const placed = all.map((stage, place) => ({ stage, index: place < depth ? place : start + place - depth }));
    return { shape: { ...sequence, stages: all, terminal }, stages: placed, end: start + stages.length };
  });
}

/** The branch, or why it runs by itself. */
function candidateOf(chain: Chain, place: number): Candidate | string {
  const { shape } = chain;
  const { chain: changed, changes, plan } = rewritten(chain);
  const planned = plan ?? finishedPlan(shape, fusedPlan(changed));
  const { sink } = lastOf(planned);
  const reason = reasonOf(planned);
  if (reason !== null) return reason;
  const sinks = sinksOf(sink).filter(single => single.kind === "reduce");
  if (sinks.length === 0 && sink.kind !== "count") throw new CompilerBug(`a ${sink.kind} sink is not joined`);
  const better = variantOf(changed, changes);
  if (!isJoinable(lastOf(better.plan))) return "its kernel cannot be told apart from others";
  return { place, alone: { sinks, counted: sink.kind === "count" || sinks.some(({ counted }) => counted) }, better, written: changes.length === 0 ? better : variantOf(chain, []) };
}

function variantOf(chain: Chain, changes: readonly string[]): Variant {
  const plan = fusedPlan(chain);
  const { source } = lastOf(plan);
  return { plan, changes, key: textOf([plan.kernels.slice(0, -1), plan.steps, source]) };
}

const lastOf = ({ kernels }: Plan): Kernel => (kernels.at(-1) as PlannedKernel).kernel;

/** Why a terminal cannot share a kernel; null if it can. */
function reasonOf({ finish, kernels }: Plan): string | null {
  switch (finish.kind) {
    case "count":
    case "reduced":
    case "average":
    case "variance":
    case "key":
    case "ranked":
      return null;
    case "fold": {
      const sink = kernels.at(-1)?.kernel.sink;
      return sink?.kind === "fold" && sink.combine !== null ? "it joins what it folds with a combine" : "it folds from left to right";
    }
    case "array":
    case "columns":
    case "quantile":
      return "it needs an array of all elements";
    case "any":
    case "none":
    case "position":
      return "it stops at the first element that decides";
    case "element":
    case "row":
      return "it looks for one element";
    case "together":
      return "it is several terminals by itself";
    default:
      return finish satisfies never;
  }
}

interface Grouped {
  readonly members: readonly Candidate[];
  readonly variant: "better" | "written";
}

/** Candidates whose last kernels read the same. Where that makes fewer groups they are taken as they were written. */
function grouped(candidates: readonly Candidate[]): readonly Grouped[] {
  const by = (variant: Grouped["variant"]): readonly Grouped[] => {
    const keys = [...new Set(candidates.map(candidate => candidate[variant].key))];
    return keys.map(key => ({ variant, members: candidates.filter(candidate => candidate[variant].key === key) }));
  };
  const [better, written] = [by("better"), by("written")];
  return written.length < better.length ? written : better;
}

function joiningOf(members: readonly Candidate[], variant: Grouped["variant"]): Joined {
  const { kernel, parts } = joined(members.map((member): Joining => ({ kernel: lastOf(member[variant].plan), alone: member.alone })));
  return { kernel: tidied(optimise(kernel)), parts };
}

const merged = (members: readonly Candidate[], variant: Grouped["variant"]): Joined => withoutTwins(joiningOf(members, variant));

/** What branches have in common is shared until nothing more is found: each pass shows the next one what is the same. */
function tidied(kernel: Kernel): Kernel {
  const next = share(simplify(kernel));
  return next === kernel ? kernel : tidied(next);
}

/** The members that would be folded in another way than by themselves. */
function strangersIn(members: readonly Candidate[], variant: Grouped["variant"]): readonly Candidate[] {
  const { kernel, parts } = joiningOf(members, variant);
  const sinks = sinksOf(kernel.sink);
  return members.filter(({ alone }, at) => alone.sinks.some((own, which) => {
    const sink = sinks[parts[at]?.values[which] ?? -1];
    return sink?.kind !== "reduce" || !isSame(sink, own);
  }));
}
