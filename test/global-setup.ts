/** Runs once, before all test files: what they look for, and should not each make. */
import { chosen, openNative } from "../src/backends/cuda/driver.js";
import { fetchNvrtc } from "./cuda-nvrtc/fetch.js";
import { fetchRedis } from "./redis/redis.js";

export default async function setup(): Promise<void> {
  const { native } = openNative();
  const isThere = native === null || chosen(undefined, "DOTCOMPUTE_NVRTC") !== null || native.openCompiler(null).reason === null;
  const done = isThere ? null : await fetchNvrtc();
  for (const line of [done, fetchRedis()]) if (line !== null) process.stdout.write(`${line}\n`);
}
