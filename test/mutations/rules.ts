/**
 * What mutants are made of: for each way to break what orders and combines work on a device, where it is found and what it
 * becomes. Found by patterns, so that a barrier that is written tomorrow is mutated tomorrow.
 */
import { callsOf, isComment, type Call } from "./text.js";

/** Tests that are expected to notice, narrow ones first; and the rest, for what those let through. */
export type Suite = "loops" | "runs";

export interface Change {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

export interface Rule {
  /** What the code has then, or has no longer. */
  readonly name: string;
  readonly files: RegExp;
  readonly suites: readonly Suite[];
  readonly changes: (text: string) => readonly Change[];
}

const HEADERS = /^native\/rt\/\w+\.cuh$/;
const BACKEND = /^src\/backends\/cuda\/(?!driver\.ts)\w+\.ts$/;
const PLAN = /^fusion\/emit\/cuda-plan\.ts$/;

/** Barriers and fences. */
export const BARRIERS = /\b(__sync(threads|warp)\w*|__threadfence\w*|__barrier\w*|__cluster_barrier\w*)/;

/** A function's own head is no call of it. */
const isHead = (text: string, start: number): boolean => /\b(RT_INLINE|RT_MEMBER|RT_FN|__device__|bool|void)\b[^;={}()]*$/.test(text.slice(text.lastIndexOf("\n", start) + 1, start));

const calls = (name: RegExp, by: (call: Call) => readonly string[]) => (text: string): readonly Change[] =>
  callsOf(text, name)
    .filter(({ start }) => !isHead(text, start))
    .flatMap(call => by(call).map(replacement => ({ start: call.start, end: call.end, by: replacement })));

const matches = (pattern: RegExp, by: (groups: readonly string[]) => readonly string[]) => (text: string): readonly Change[] =>
  [...text.matchAll(new RegExp(pattern, "g"))]
    .filter(match => !isComment(text, match.index))
    .flatMap(match => by(match).map(replacement => ({ start: match.index, end: match.index + match[0].length, by: replacement })));

const arg = ({ args }: Call, place: number): string => args[place] ?? "";

/** An atomic operation's result where others may come in between. */
function apart(call: Call): string {
  const [target, value] = [`*(${arg(call, 0)})`, arg(call, 1)];
  const results: Readonly<Record<string, string>> = { atomicAdd: `${target} + ${value}`, atomicMin: `${value} < ${target} ? ${value} : ${target}`, atomicMax: `${value} > ${target} ? ${value} : ${target}` };
  const result = results[call.name];
  if (result === undefined) throw new Error(`no mutant is known of ${call.name}: give it one in test/mutations/rules.ts`);
  return `${target} = ${result}`;
}

/** Half of the values, from the other end: 1, 2, 4 … becomes 2, 4 …, and 16, 8 … becomes 8, 4 …. */
const halved = (from: string): string => (from.trim() === "1" ? "2" : `(${from}) / 2`);

export const RULES: readonly Rule[] = [
  { name: "no barrier", files: HEADERS, suites: ["loops"], changes: calls(BARRIERS, () => ["void()"]) },
  { name: "a lane's own value instead of another's", files: HEADERS, suites: ["loops"], changes: calls(/\b__shfl\w*_sync/, call => [arg(call, 1)]) },
  { name: "a lane's own value instead of another's", files: HEADERS, suites: ["loops"], changes: calls(/\bfrom_lane/, call => [arg(call, 0)]) },
  { name: "a lane's own vote", files: HEADERS, suites: ["loops"], changes: calls(/\b__(ballot|any|all)_sync/, call => [`(${arg(call, 1)} ? 1u << lane_id() : 0u)`]) },
  { name: "a lane's own value instead of the warp's", files: HEADERS, suites: ["loops"], changes: calls(/\b(warp_sum|join_pairs)/, call => [arg(call, 0)]) },
  { name: "no atomic operation", files: HEADERS, suites: ["loops"], changes: calls(/\batomic[A-Z]\w*/, () => ["void()"]) },
  { name: "a store instead of an atomic operation", files: HEADERS, suites: ["loops"], changes: calls(/\batomic[A-Z]\w*/, call => [`*(${arg(call, 0)}) = ${arg(call, 1)}`]) },
  { name: "an atomic operation in two steps", files: HEADERS, suites: ["loops"], changes: calls(/\batomic[A-Z]\w*/, call => [apart(call)]) },
  {
    name: "a tree of lanes with a step less",
    files: HEADERS,
    suites: ["loops"],
    changes: matches(/for \(unsigned (\w+) = ([^;]+); (\1 [<>] )([^;]+); (\1 [*/]= 2)\)/, ([, name, from = "", relation = "", to = "", step]) => [
      `for (unsigned ${name} = ${halved(from)}; ${relation}${to}; ${step})`,
      `for (unsigned ${name} = ${from}; ${relation}${relation.endsWith("> ") ? "1" : `(${to}) / 2`}; ${step})`,
    ]),
  },
  { name: "any lane", files: HEADERS, suites: ["loops"], changes: matches(/\blane(_id\(\))?( % \([^)]*\)| \+ step)? (==|>=|<) [\w-]+/, () => ["true"]) },
  { name: "any lane", files: HEADERS, suites: ["loops"], changes: matches(/\blane(_id\(\))? != 0/, () => ["false"]) },
  { name: "nobody asks whether to stop", files: HEADERS, suites: ["loops"], changes: calls(/\b(lane\.)?(poll|decided|stopped)/, () => ["false"]) },
  { name: "goes on although halted", files: HEADERS, suites: ["loops"], changes: matches(/\b(lane\.)?halted = true;/, () => [";"]) },
  { name: "nobody says that it was stopped", files: HEADERS, suites: ["loops"], changes: matches(/\bstate->stopped = 1;/, () => [";"]) },
  { name: "a fill of the state less", files: PLAN, suites: ["loops", "runs"], changes: matches(/\{ offset: [^}]*, value: \w+ \}/, () => ["{ offset: 0, bytes: 0, value: 0 }"]) },
  {
    name: "half a fill of the state",
    files: PLAN,
    suites: ["loops", "runs"],
    changes: matches(/\{ offset: (\d+), bytes: (\d+), value: (\w+) \}/, ([, offset, bytes, value]) => {
      const half = Number(bytes) / 2;
      return [Number(offset), Number(offset) + half].map(from => `{ offset: ${from}, bytes: ${half}, value: ${value} }`);
    }),
  },
  {
    name: "no wait, record, synchronisation or stop",
    files: BACKEND,
    suites: ["runs"],
    changes: calls(/\b[\w.]+\.(wait|record|synchronise|synchroniseLater|stop\.set)/, ({ name }) => [name.endsWith("Later") ? "Promise.resolve()" : name.startsWith("transfers.") ? "null" : "void 0"]),
  },
  { name: "a fill less", files: BACKEND, suites: ["runs"], changes: calls(/\bthis\.(lane\.work\.)?fill/, () => ["void 0"]) },
  { name: "does not wait for a promise", files: /^src\/backends\/cuda\/run\.ts$/, suites: ["runs"], changes: calls(/\bPromise\.(all|allSettled)/, () => ["Promise.resolve()"]) },
  { name: "does not wait for what a step asks for", files: /^src\/backends\/cuda\/run\.ts$/, suites: ["runs"], changes: matches(/\byield (?!\*)[^;]+;/, ([step = ""]) => [step.replace("yield ", "void ")]) },
];
