/** What a run would choose, in words. */
import type { BackendName } from "../backends/backend.js";
import type { Member } from "./member.js";
import { LARGE, type Choice } from "./selector.js";
import type { KernelSlot, Tier } from "./slot.js";

/** Of a query that insists on a backend, or in a runtime that does. */
export function insistedInWords(member: Member, slot: KernelSlot, byQuery: boolean): Choice {
  const { name } = member;
  const by = byQuery ? `the query says .on("${name}")` : "this runtime runs everything here";
  const own = name === "js" || name === "cpu";
  return { backend: name, reason: own ? by : [by, placeInWords(member, slot)].filter(part => part !== "").join("; ") };
}

/** The first that is ready, and why those before it are not. */
export function inOrderInWords(slot: KernelSlot, ready: (tier: Tier) => boolean, now: number): Choice {
  const passed: string[] = [];
  const compiled = slot.tiers.length - 1;
  for (const tier of slot.tiers) {
    const { member } = tier;
    if (member.name === "js") break;
    const found = ready(tier);
    const told = tier.reason === "" ? [] : [tier.reason];
    if (found) return { backend: member.name, reason: [["compiled kernel is warm", placeInWords(member, slot)].filter(part => part !== "").join(", "), ...told, ...passed].join("; ") };
    const resting = !member.up && member.gone === null;
    if (resting) {
      passed.push(`${member.name} is ${member.restInWords(now)}`);
      continue;
    }
    const why = (tier.state === "lost" ? told : [prospects(slot, tier), ...told]).join("; ");
    passed.push(compiled === 1 ? why : `${member.name}: ${why}`);
  }
  return { backend: "js" satisfies BackendName, reason: passed.length === 0 ? "this runtime runs everything here" : passed.join("; ") };
}

/** Which device; empty where there is none. */
function placeInWords(member: Member, { kernel }: KernelSlot): string {
  const { reason, kind } = member;
  if (reason !== null) return `but ${reason}`;
  const { accelerator } = member;
  if (accelerator.inWords !== undefined) return accelerator.inWords(kernel);
  const { device } = accelerator;
  if (kind !== "device" && (device === null || device === undefined)) return "";
  return `on ${device?.name ?? "without a name"}`;
}

function prospects(slot: KernelSlot, { state }: Tier): string {
  if (state === "compiling") return "cold, compiling in the background";
  return slot.heavy || slot.runs > 0 ? "cold, compiled by its next run" : `cold, compiled by its second run, or one of ${LARGE} elements`;
}
