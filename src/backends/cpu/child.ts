/** What compilers in processes of their own have in common: whether this process waits for them, and how they are ended. */
import type { ChildProcess } from "node:child_process";

/** Whether a child and its pipes keep this process alive. */
export function setReferenced(child: ChildProcess, referenced: boolean): void {
  const pipes = [child.stdin, child.stdout, child.stderr] as unknown as readonly ({ ref(): void; unref(): void } | null)[];
  for (const handle of [child, ...pipes]) {
    if (referenced) handle?.ref();
    else handle?.unref();
  }
}

/** Ends a process that was started as the leader of a group, and all that it has started. */
export function killGroup(leader: number | undefined): void {
  if (leader === undefined || leader <= 0) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
