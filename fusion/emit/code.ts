/** What compilers are asked for beside the emitted text. The results of a kernel are the same, whatever is asked for. */
export interface CodeOptions {
  /** From 0, soonest compiled, to 3, fastest; 3 by default. */
  readonly optimisation?: 0 | 1 | 2 | 3 | undefined;
  /** Whether the code says from which line of the emitted source it is, for debuggers and profilers. */
  readonly debug?: boolean | undefined;
}
