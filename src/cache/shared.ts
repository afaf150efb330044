/**
 * Kernels that machines share: a store that the program brings along, and that is never trusted, nor waited for for long. Whatever it
 * does, kernels are compiled here as if there were none.
 */
import { messageOf } from "../../fusion/thrown.js";
import { seal, sealedKey, unseal, type Secret } from "./seal.js";

/** Keyv's way of storing, which many databases have adapters for. Each may give a promise. */
export interface SharedStore {
  get(key: string): unknown;
  set(key: string, value: string): unknown;
  delete(key: string): unknown;
}

export interface SharedOptions {
  /** `new Keyv(…)`, or anything that stores texts like it. */
  readonly store: SharedStore;
  /**
   * What entries are signed with, since they are code that is run: at least 32 characters or bytes that only the machines know that are to
   * share kernels. Entries that are not signed with it are refused.
   */
  readonly secret: Secret;
  /** Milliseconds after which an answer is not waited for any more; 500 by default. */
  readonly timeLimit?: number | undefined;
  /** Larger kernels are neither taken nor given; 8 MiB by default. */
  readonly mostBytes?: number | undefined;
}

export interface SharedStatistics {
  readonly hits: number;
  readonly misses: number;
  /** What was given to it. */
  readonly stored: number;
  /** Entries that were wrong in some way: changed, cut off, of another key, too large, signed by others, or not fit for this machine. */
  readonly refusals: number;
  /** How often it failed, or was too slow. */
  readonly failures: number;
  /** How often it was not asked, because it had just failed. */
  readonly skipped: number;
}

/** An answer that is on its way. */
export interface Answer<Value> {
  readonly done: Promise<Value>;
  /** From now on the process stays alive until it is there, or too late. */
  hold(): void;
}

export interface SharedLevel {
  /** What is called so; null if there is nothing that may be used. Never rejects. */
  get(name: string): Answer<Uint8Array | null>;
  /** Gives content to it, beside whatever else is done. `facts`: about it, for people. */
  put(name: string, facts: Readonly<Record<string, string>>, content: Uint8Array): void;
  /** Something under this name was of no use here: it is not asked for it again. */
  refuse(name: string, why: string): void;
  /** Resolves when all that was given has been taken. */
  settled(): Promise<void>;
  readonly statistics: SharedStatistics;
}

const TIME_LIMIT = 500;
const MOST_BYTES = 8 * 2 ** 20;
/** How long it is left alone after a failure; twice as long after each further one. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;

/** `say`: is told once that the store fails, and once that something of it was refused. */
export function createSharedLevel({ store, secret, timeLimit = TIME_LIMIT, mostBytes = MOST_BYTES }: SharedOptions, say: (reason: string) => void): SharedLevel {
  const counts = { hits: 0, misses: 0, stored: 0, refusals: 0, failures: 0, skipped: 0 };
  const told = new Set<string>();
  const refused = new Set<string>();
  const giving = new Set<Promise<void>>();
  let failedInTurn = 0;
  let pausedUntil = -Infinity;

  const tell = (kind: string, line: string): void => {
    if (told.has(kind)) return;
    told.add(kind);
    say(line);
  };

  const fail = (error: unknown): void => {
    counts.failures += 1;
    pausedUntil = performance.now() + Math.min(FIRST_PAUSE * 2 ** failedInTurn, LONGEST_PAUSE);
    failedInTurn += 1;
    tell("failure", `kernels are not shared while the store of the kernel cache fails: ${messageOf(error)}`);
  };

  /** Whether it is worth asking. */
  const isUp = (): boolean => {
    if (performance.now() >= pausedUntil) return true;
    counts.skipped += 1;
    return false;
  };

  /** What the store answers in time. Rejects with its failure. */
  const ask = (question: () => unknown): Answer<unknown> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      // Where this thread was busy, the answer may be there: it is looked at before the immediate runs.
      timer = setTimeout(() => setImmediate(() => reject(new Error(`it took longer than ${timeLimit} ms`))), timeLimit);
      timer.unref();
    });
    // Called in a promise: it may throw before it gives one.
    const answered = new Promise(resolve => resolve(question())).then(answer => {
      failedInTurn = 0;
      return answer;
    });
    return { done: Promise.race([answered, late]).finally(() => clearTimeout(timer)), hold: () => void timer?.ref() };
  };

  const refuse = (name: string, why: string): void => {
    counts.refusals += 1;
    refused.add(name);
    tell("refusal", `an entry of the shared kernel cache was refused, and its kernel is compiled here: ${why}`);
  };

  const opened = (name: string, key: string, answer: unknown): Uint8Array | null => {
    if (answer === undefined || answer === null) {
      counts.misses += 1;
      return null;
    }
    const { content, refusal } = unseal(secret, key, answer, mostBytes);
    if (refusal === null) {
      counts.hits += 1;
      return content;
    }
    refuse(name, refusal);
    if (isUp()) ask(() => store.delete(key)).done.catch(fail);
    return null;
  };

  watch(store, fail);

  return {
    get(name) {
      if (refused.has(name) || !isUp()) return { done: Promise.resolve(null), hold: () => undefined };
      const key = sealedKey(secret, name);
      const { done, hold } = ask(() => store.get(key));
      return {
        done: done.then(
          answer => opened(name, key, answer),
          (error: unknown) => {
            fail(error);
            return null;
          },
        ),
        hold,
      };
    },

    put(name, facts, content) {
      if (content.length > mostBytes || !isUp()) return;
      const key = sealedKey(secret, name);
      const text = seal(secret, key, JSON.stringify(facts), content);
      const taken = (answer: unknown): void => {
        if (answer === false) throw new Error("it does not take what is given to it");
        counts.stored += 1;
      };
      const given = ask(() => store.set(key, text))
        .done.then(taken)
        .catch(fail)
        .finally(() => giving.delete(given));
      giving.add(given);
    },

    refuse,

    async settled() {
      // Those who wait keep the process alive, which the store's own connection may not.
      const alive = setInterval(() => undefined, timeLimit);
      while (giving.size > 0) await Promise.all(giving);
      clearInterval(alive);
    },

    get statistics() {
      return { ...counts };
    },
  };
}

/** Adapters tell of lost connections by an event, which would end the process if nobody listened. */
function watch(store: SharedStore, fail: (error: unknown) => void): void {
  const { on } = store as { readonly on?: unknown };
  if (typeof on === "function") on.call(store, "error", fail);
}

