/** How long a run's commands take by the device's own clock: an event before each and one behind it, read when all have come to pass. */
import type { DeviceSpan, KernelTiming } from "../../../fusion/call.js";
import type { CudaContext, CudaEvent, CudaStream } from "./driver.js";

type What = Pick<DeviceSpan, "what" | "name" | "bytes">;

interface Timed extends What {
  readonly begin: CudaEvent;
  readonly end: CudaEvent;
}

export class Clock {
  private readonly commands: Timed[] = [];
  /** All that it has made, also for commands that failed. */
  private readonly events: CudaEvent[] = [];

  constructor(
    readonly context: CudaContext,
    private readonly device: number,
    private readonly timing: KernelTiming,
  ) {}

  /** Gives the commands between two events. */
  around<Result>(stream: CudaStream, what: What, give: () => Result): Result {
    const begin = this.mark(stream);
    const result = give();
    this.commands.push({ ...what, begin, end: this.mark(stream) });
    return result;
  }

  /** Adds what it has seen to the timing. All streams have been waited for. */
  read(): void {
    for (const { begin, end, ...what } of this.commands) {
      const first = this.events[0] as CudaEvent;
      const from = begin === first ? 0 : begin.since(first);
      this.timing.spans.push({ device: this.device, ...what, from, milliseconds: end.since(begin) });
    }
  }

  release(): void {
    for (const event of this.events.splice(0)) event.release();
  }

  private mark(stream: CudaStream): CudaEvent {
    const event = this.context.event({ timed: true });
    this.events.push(event);
    stream.record(event);
    return event;
  }
}
