/** Prints vitest's JSON results as one line, `N passed, N failed, N skipped`; fails unless something ran and nothing failed. */
import { readFileSync } from "node:fs";

const [file] = process.argv.slice(2);
let results;
try {
  results = JSON.parse(readFileSync(file ?? "", "utf8"));
} catch (error) {
  console.error(`There are no test results: ${error.message}`);
  process.exit(1);
}
// A file that does not even load has no tests to count; it is a failure all the same.
const unloaded = results.testResults.filter(suite => suite.status === "failed" && suite.assertionResults.every(({ status }) => status !== "failed"));
const failed = results.numFailedTests + unloaded.length;
console.log(`${results.numPassedTests} passed, ${failed} failed, ${results.numPendingTests + results.numTodoTests} skipped`);
if (failed > 0 || results.numPassedTests === 0) process.exit(1);
