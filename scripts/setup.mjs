/**
 * Makes a checkout ready to run: dependencies, native addon, bundles. Whatever is up to date is left alone, and nothing is
 * printed for it. Needs nothing but Node, since it runs before anything is installed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./stale.mjs";

/** Whether node_modules holds what the lockfile asks for; npm writes down there what it has installed. */
function dependenciesFresh() {
  const installed = path.join(ROOT, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8")).packages;
  const present = JSON.parse(readFileSync(installed, "utf8")).packages;
  return Object.entries(wanted).every(([name, { version, optional }]) => {
    if (name === "") return true;
    // Packages for other platforms are in the lockfile, too.
    if (present[name] === undefined) return optional === true;
    return present[name].version === version && existsSync(path.join(ROOT, name));
  });
}

function installDependencies() {
  if (dependenciesFresh()) return;
  console.log("Installing dependencies (npm ci) …");
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env["npm_execpath"];
  const { status, error } = npm?.endsWith(".js")
    ? spawnSync(process.execPath, [npm, ...args], { cwd: ROOT, stdio: "inherit" })
    : spawnSync("npm", args, { cwd: ROOT, stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) fail(`npm ci failed${error ? `: ${error.message}` : ""}.`);
}

function fail(line) {
  console.error(line);
  process.exit(1);
}

/**
 * Says in a line that it was built, or why not: everything runs on the JavaScript backend then. With `--run` the program that
 * runs next will say that, so that it is said once.
 */
function buildAddon() {
  const { status, stdout } = spawnSync(process.execPath, [path.join(ROOT, "scripts", "build-addon.mjs"), "--quiet"], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const skipped = status === 0 && !existsSync(path.join(ROOT, "build", "Release", "dotcompute.node"));
  if (!skipped || !process.argv.includes("--run")) process.stdout.write(stdout);
  if (status !== 0) fail("The native addon could not be built.");
}

installDependencies();
buildAddon();
const { buildBundles } = await import("./build.mjs");
// esbuild has said by then what is wrong.
if (await buildBundles().catch(() => fail("dist/ could not be built."))) console.log("Built dist/.");
