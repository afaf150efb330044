/** Those who are told of what a runtime does: they have no say in it. */
import type { ErrorCode } from "../../fusion/errors.js";
import { stackOf, thrownInWords } from "../../fusion/thrown.js";

const CODE = "DC408" satisfies ErrorCode;

/**
 * The same listener, but that nothing comes of its failures: whatever it throws, or a promise that it gives is rejected with, neither changes a
 * query's result nor ends the process. The first failure is a warning of the process.
 */
export function observing<Told>(who: string, hear: (told: Told) => unknown): (told: Told) => void {
  let failed = false;
  const fail = (error: unknown): void => {
    if (failed) return;
    failed = true;
    const message = `${who} has failed, which no query hears of: ${thrownInWords(error)}. Its later failures are not told`;
    const detail = stackOf(error);
    process.emitWarning(message, { type: "DotcomputeWarning", code: CODE, ...(detail === undefined ? {} : { detail }) });
  };
  return told => {
    try {
      const given = hear(told);
      if (typeof given === "object" && given !== null && "then" in given) Promise.resolve(given).catch(fail);
    } catch (error) {
      fail(error);
    }
  };
}
