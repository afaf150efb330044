/** Traces as tables of text. */
import { valueInWords } from "../runtime/validation/compare.js";
import type { Trace, TracedValue } from "./trace.js";

export function traceAsText({ index, source, stages, terminal }: Trace): string {
  const rows: (readonly [string, string, string, string])[] = [
    ["", "value", "place", ""],
    ["source", inWords(source), String(index), ""],
    ...stages.map(({ text, value, place, note }) => [text, place === null ? "" : inWords(value), place === null ? "" : String(place), note] as const),
  ];
  if (terminal !== null) {
    const { text, before, after, result } = terminal;
    rows.push([text, inWords(after as TracedValue), "", `${inWords(before as TracedValue)} before it; ${inWords(result as TracedValue)} in the end`]);
  }
  const widths = [0, 1, 2].map(column => Math.max(...rows.map(row => (row[column] as string).length)));
  return rows.map(([text, value, place, note]) => `${text.padEnd(widths[0] as number)}  ${value.padEnd(widths[1] as number)}  ${place.padStart(widths[2] as number)}  ${note}`.trimEnd()).join("\n");
}

function inWords(value: TracedValue): string {
  if (value === undefined) return "nothing";
  if (value === null || typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object") return valueInWords(value);
  if (Array.isArray(value)) return `[${(value as readonly TracedValue[]).map(inWords).join(", ")}]`;
  return `{ ${Object.entries(value).map(([name, part]) => `${name}: ${inWords(part)}`).join(", ")} }`;
}
