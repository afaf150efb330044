/** A line that says how far something is, drawn over again and again. */

/** Of a stream that is written to: what drawing needs. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface ProgressLine {
  /** `fraction`: from 0 to 1. */
  draw(fraction: number, what: string): void;
  /** Leaves no trace. */
  clear(): void;
}

const BAR = 20;
const USUAL_WIDTH = 80;

/** Draws nothing where nobody sees it: in files, pipes and logs. */
export function progressLine(screen: Screen | null): ProgressLine {
  if (screen?.isTTY !== true) return { draw: () => undefined, clear: () => undefined };
  let drawn = 0;
  const put = (text: string): void => {
    screen.write(`\r${text.padEnd(drawn)}`);
    drawn = text.length;
  };
  return {
    draw(fraction, what) {
      const full = Math.floor(fraction * BAR);
      const line = `[${"=".repeat(full).padEnd(BAR)}] ${String(Math.floor(fraction * 100)).padStart(3)} %  ${what}`;
      // A terminal goes to the next line behind its last column, and what is there stays.
      put(line.slice(0, Math.max(0, (screen.columns ?? USUAL_WIDTH) - 1)));
    },
    clear() {
      if (drawn === 0) return;
      put("");
      screen.write("\r");
    },
  };
}
