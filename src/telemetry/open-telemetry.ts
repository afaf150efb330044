/** Meters and spans of a runtime by OpenTelemetry, whose API the caller hands over. */
import type { Events } from "../runtime/events.js";
import { observing } from "../runtime/observing.js";
import type { OpenTelemetry } from "./api.js";
import { instrumentsOf, isMetered, meterListener, observePool, type PoolBytes } from "./meters.js";
import { isTraced, spanListener } from "./spans.js";

const NAME = "dotcompute";
const WHO = "the option telemetry of createRuntime()";

/**
 * Listens, unless there is nobody behind the API: then a runtime with it costs what one without it does. So an SDK is to be registered before
 * the runtime is made, as before anything that is to be seen.
 */
export function observe(events: Events, api: OpenTelemetry, pool: PoolBytes): void {
  const instruments = instrumentsOf(api.metrics.getMeter(NAME));
  if (isMetered(instruments)) {
    observePool(instruments, pool);
    events.listen(observing(WHO, meterListener(instruments)), { timing: true });
  }
  if (isTraced(api, NAME)) events.listen(observing(WHO, spanListener(api, api.trace.getTracer(NAME))), { timing: true });
}
