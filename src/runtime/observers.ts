/** Who listens to a runtime from its beginning, as its options say. */
import type { Kernel } from "../../fusion/ir.js";
import { memory } from "../memory/memory.js";
import { writeLog } from "../telemetry/logger.js";
import { observe } from "../telemetry/open-telemetry.js";
import type { Events, Listener } from "./events.js";
import { observing } from "./observing.js";
import type { KernelRun, RunInfo, RuntimeOptions } from "./runtime.js";

/** Who is told of what runs. */
export function observed(events: Events, { onRun, telemetry, logger, logLevel }: RuntimeOptions): void {
  if (onRun !== undefined) events.listen(runListener(observing("the option onRun of createRuntime()", onRun)));
  if (telemetry !== undefined) observe(events, telemetry, () => memory.usage());
  if (logger !== undefined) writeLog(events, logger, logLevel ?? "info");
}

/** What takes lines that are written without being asked for. A logger hears of the same by events. */
export function logOf({ log, logger }: RuntimeOptions): (line: string) => void {
  if (log !== undefined) return observing("the option log of createRuntime()", log);
  return logger === undefined ? warn : nothing;
}

/** Tells of each run, once it is over, which kernels ran; of a stream each kernel once. */
function runListener(onRun: (info: RunInfo) => void): Listener {
  const running = new Map<number, Map<Kernel, KernelRun>>();
  return event => {
    if (event.kind === "begin") running.set(event.run, new Map());
    if (event.kind === "kernel" && event.run !== null && event.error === null) {
      const { kernel, piece, backend, length } = event;
      const kernels = running.get(event.run);
      // A run that lost its device begins anew.
      const before = piece ? (kernels?.get(kernel)?.length ?? 0) : 0;
      kernels?.set(kernel, { backend, length: before + length });
    }
    if (event.kind !== "query") return;
    const kernels = [...(running.get(event.run)?.values() ?? [])];
    running.delete(event.run);
    if (event.error === null && event.backend !== null && kernels.length > 0) onRun({ terminal: event.terminal, backend: event.backend, kernels });
  };
}

const nothing = (): void => undefined;

function warn(line: string): void {
  // eslint-disable-next-line no-console -- the one line that tells why queries are slower than they could be
  console.warn(line);
}
