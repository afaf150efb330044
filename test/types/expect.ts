/** Two types are the same, `any` and readonly included. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if the value's type is exactly `Expected`: `expectType<number>()(value)`. */
export const expectType =
  <Expected>() =>
  <Actual>(_value: Actual, ..._proof: Same<Actual, Expected> extends true ? [] : ["the type differs"]): void => {};
