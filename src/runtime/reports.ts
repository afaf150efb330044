/** What is told of backends that fail: to those who listen every time, to the log once. */
import type { BackendName } from "../backends/backend.js";
import type { Events } from "./events.js";
import type { Member } from "./member.js";
import { lostInWords } from "./event-words.js";
import { reasonOf } from "./reasons.js";
import type { Tier } from "./slot.js";

export class Reports {
  private readonly lostOnes = new Set<Member>();
  private readonly restingOnes = new Set<Member>();

  constructor(
    private readonly log: (line: string) => void,
    private readonly events: Events,
  ) {}

  /** A run has gone elsewhere. What comes again with every run is logged once for each kernel. */
  fallback(tier: Tier, to: BackendName, length: number, error: unknown): void {
    const { name } = tier.member;
    const reason = reasonOf(error);
    this.events.tell({ kind: "fallback", run: this.events.run, from: name, to, reason });
    const told = tier.reason !== "";
    tier.reason = `a run of ${length} elements went to the ${to} backend: ${reason}`;
    if (!told) this.log(`dotcompute: ${name}: ${tier.reason}`);
  }

  /** `instead`: what stands in for it from now on; null for nothing. */
  lost(member: Member, instead: BackendName | null, reason: string): void {
    const { name } = member;
    if (this.lostOnes.has(member)) return;
    this.lostOnes.add(member);
    this.events.tell({ kind: "lost", backend: name, instead, reason });
    this.log(`dotcompute: ${lostInWords(name, instead, reason)}`);
  }

  retry({ name }: Member, attempt: number, delay: number, error: unknown): void {
    this.events.tell({ kind: "retry", run: this.events.run, backend: name, attempt, delay, error });
  }

  breaker(member: Member, state: "open" | "half-open" | "closed", reason: string): void {
    const { name } = member;
    this.events.tell({ kind: "breaker", backend: name, state, reason });
    if (state !== "open" || this.restingOnes.has(member)) return;
    this.restingOnes.add(member);
    this.log(`dotcompute: the ${name} backend is ${reason}`);
  }
}
