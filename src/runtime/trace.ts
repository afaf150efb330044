/** What many queries did, as a trace that Perfetto (https://ui.perfetto.dev) and chrome://tracing open. */
import { QueryError } from "../../fusion/errors.js";
import { describe } from "../query/given.js";
import { checkOptions } from "../query/options.js";
import { factsOf, type Facts } from "./event-words.js";
import type { Events, RuntimeEvent, Timed } from "./events.js";

/** The trace event format's JSON object. Times are in microseconds. */
export interface ChromeTrace {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: "ms";
  /** `dropped`: how many events came when there was no room for more. */
  readonly otherData: { readonly dropped: number };
}

interface Placed {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
}

export type TraceEvent =
  /** Something that took time: those of one track follow, or hold, each other. */
  | (Placed & { readonly ph: "X"; readonly cat: string; readonly ts: number; readonly dur: number; readonly args: Facts })
  /** Something that happened. */
  | (Placed & { readonly ph: "i"; readonly s: "p"; readonly cat: string; readonly ts: number; readonly args: Facts })
  /** What a process or a track is called. */
  | (Placed & { readonly ph: "M"; readonly args: { readonly name: string } });

/** An event, and when it was told. */
export interface Heard {
  readonly event: RuntimeEvent;
  readonly at: number;
}

export interface RecordOptions {
  /** How many events are kept; those that come later are only counted. */
  readonly most?: number | undefined;
}

const MOST_EVENTS = 100_000;

/** What a runtime does until it is stopped. */
export class Recording {
  private readonly heard: Heard[] = [];
  private dropped = 0;
  private readonly end: () => void;

  /** @internal */
  constructor(events: Events, most: number) {
    const hear = (event: RuntimeEvent): void => {
      if (this.heard.length < most) this.heard.push({ event, at: performance.now() });
      else this.dropped += 1;
    };
    this.end = events.listen(hear, { timing: true });
  }

  /**
   * Ends the recording, and gives what was recorded.
   *
   * @example
   * writeFileSync("queries.json", JSON.stringify(recording.stop()));   // for https://ui.perfetto.dev
   */
  stop(): ChromeTrace {
    this.end();
    return traceOf(this.heard, this.dropped);
  }
}

export function recordingOf(events: Events, options: RecordOptions | undefined): Recording {
  const remedy = "Write record({ most: 10_000 }), or leave it out.";
  const { most = MOST_EVENTS } = checkOptions(options, "record", ["most"], remedy);
  if (Number.isSafeInteger(most) && (most as number) > 0) return new Recording(events, most as number);
  throw new QueryError("DC305", `the option most of record() is a number of events, not ${describe(most)}`, remedy);
}

/** Something that took time, and what belongs to it. */
interface Span extends Timed {
  readonly name: string;
  readonly category: string;
  readonly args: Facts;
  readonly parts: Span[];
}

export function traceOf(heard: readonly Heard[], dropped = 0): ChromeTrace {
  const pid = process.pid;
  const tracks = tracksOf(heard.map(({ event }) => event));
  const names = tracks.map(({ name }, tid): TraceEvent => ({ name: "thread_name", ph: "M", pid, tid, args: { name } }));
  const spans = tracks.flatMap(({ spans }, tid) => spans.flatMap(span => complete(span, pid, tid)));
  const instants = heard.flatMap(({ event, at }): TraceEvent[] => ("begin" in event ? [] : [{ name: event.kind, ph: "i", s: "p", cat: event.kind, pid, tid: 0, ts: at * 1000, args: factsOf(event) }]));
  return { traceEvents: [{ name: "process_name", ph: "M", pid, tid: 0, args: { name: "dotcompute" } }, ...names, ...spans, ...instants], displayTimeUnit: "ms", otherData: { dropped } };
}

const complete = ({ name, category, args, parts, begin, end }: Span, pid: number, tid: number): readonly TraceEvent[] =>
  [{ name, ph: "X", cat: category, pid, tid, ts: begin * 1000, dur: (end - begin) * 1000, args }, ...parts.flatMap(part => complete(part, pid, tid))];

interface Track {
  readonly name: string;
  readonly spans: readonly Span[];
}

/** Runs, with what belongs to them, compilers, and what devices do, each on tracks of their own. */
function tracksOf(events: readonly RuntimeEvent[]): readonly Track[] {
  const spans = new Map(events.flatMap(event => ("end" in event ? [[event, spanOf(event)] as const] : [])));
  const runs = new Map([...spans].flatMap(([event, span]) => (event.kind === "query" ? [[event.run, span] as const] : [])));
  const groups = new Map<string, Span[]>([["queries", []]]);
  const put = (group: string, span: Span): void => {
    const known = groups.get(group);
    if (known === undefined) groups.set(group, [span]);
    else known.push(span);
  };
  for (const [event, span] of spans) {
    const owner = event.kind === "query" ? event.parent : event.run;
    const run = owner === null ? undefined : runs.get(owner);
    if (event.kind === "compile") put(`${event.backend}: compiler`, span);
    else if (event.kind === "transfer") put(`${event.backend}: ${event.direction}`, span);
    else if (run !== undefined && span.begin >= run.begin && span.end <= run.end) run.parts.push(span);
    else put("queries", span);
    if (event.kind !== "kernel") continue;
    for (const { device, what, name, from, milliseconds } of event.spans) {
      const begin = event.begin + from;
      if (what === "kernel") put(`${event.backend}: device ${device}`, { name, category: "device", args: {}, parts: [], begin, end: begin + milliseconds });
    }
  }
  return [...groups].flatMap(([name, group]) => lanesOf(name, group));
}

const spanOf = (event: RuntimeEvent & Timed): Span => ({ name: nameOf(event), category: event.kind, args: factsOf(event), parts: [], begin: event.begin, end: event.end });

function nameOf(event: RuntimeEvent & Timed): string {
  if (event.kind === "query") return event.terminal;
  if (event.kind === "phase") return event.phase;
  return event.kind === "transfer" ? event.direction : event.kind;
}

/** What overlaps is on different tracks. */
function lanesOf(name: string, spans: readonly Span[]): readonly Track[] {
  const lanes: { readonly spans: Span[]; end: number }[] = [];
  for (const span of [...spans].sort((a, b) => a.begin - b.begin || b.end - a.end)) {
    const free = lanes.find(({ end }) => end <= span.begin);
    if (free === undefined) lanes.push({ spans: [span], end: span.end });
    else {
      free.spans.push(span);
      free.end = span.end;
    }
  }
  return lanes.map(({ spans: own }, at) => ({ name: at === 0 ? name : `${name} ${at + 1}`, spans: own }));
}
