/** Helpers in a module of their own: test runners and bundlers rewrite the calls of imported functions. */
export const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

export function smoothstep(x: number): number {
  const t = clamp(x, 0, 1);
  return t * t * (3 - 2 * t);
}

export const scale = 2.5;
export const table = Float64Array.of(1, 4, 9, 16);
