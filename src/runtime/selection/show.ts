/** Predictions in words. */
import type { Prediction } from "./selection.js";

export function predictionsInWords(predictions: readonly Prediction[], length: number): string {
  const [best, ...others] = predictions.map(({ backend, microseconds, runs }) => ({ backend, text: `${timeInWords(microseconds)} (${runs === 0 ? "by the model" : `learned from ${runs} run${runs === 1 ? "" : "s"}`})` }));
  return [`should take ${best?.text ?? ""} for ${length} element${length === 1 ? "" : "s"}`, ...others.map(({ backend, text }) => `${backend} ${text}`)].join(", ");
}

const timeInWords = (microseconds: number): string => (microseconds < 1000 ? `${Number(microseconds.toPrecision(2))} µs` : `${Number((microseconds / 1000).toPrecision(2))} ms`);
