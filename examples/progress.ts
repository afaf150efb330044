/** Progress on one line of a terminal; where there is none (a log file), a line at each quarter. */
export function progress(what: string): (done: number, total: number) => void {
  const { stdout } = process;
  let told = 0;
  return (done, total) => {
    const share = total === 0 ? 1 : done / total;
    if (stdout.isTTY) {
      const width = 24;
      const bar = "█".repeat(Math.round(share * width)).padEnd(width, "░");
      stdout.write(`\r${what} ${bar} ${count(done)} of ${count(total)}${done === total ? "\n" : ""}`);
    } else if (share >= 1 || share - told >= 0.25) {
      told = share;
      stdout.write(`${what}: ${count(done)} of ${count(total)}\n`);
    }
  };
}

export const count = (n: number): string => n.toLocaleString("en-US");
