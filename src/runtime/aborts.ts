/** Signals that many wait for: Node warns of more than ten listeners, and users of a library have no use for that. */

class Listeners {
  private readonly acts = new Set<() => void>();

  constructor(private readonly signal: AbortSignal) {}

  add(act: () => void): void {
    if (this.acts.size === 0) this.signal.addEventListener("abort", this.tell, { once: true });
    this.acts.add(act);
  }

  remove(act: () => void): void {
    if (this.acts.delete(act) && this.acts.size === 0) this.signal.removeEventListener("abort", this.tell);
  }

  private readonly tell = (): void => {
    const acts = [...this.acts];
    this.acts.clear();
    for (const act of acts) act();
  };
}

const listeners = new WeakMap<AbortSignal, Listeners>();
const nothing = (): void => undefined;

/** Calls `act` when the signal is aborted, unless what this gives is called before. One that is aborted already calls nothing. */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (signal === undefined) return nothing;
  let known = listeners.get(signal);
  if (known === undefined) listeners.set(signal, (known = new Listeners(signal)));
  const of = known;
  of.add(act);
  return () => of.remove(act);
}
