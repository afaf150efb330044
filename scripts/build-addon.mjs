/**
 * Builds the native addon when its sources have changed: build/Release/dotcompute.node.
 *
 *   node scripts/build-addon.mjs             builds if stale
 *   node scripts/build-addon.mjs --prebuild  … and copies it to prebuilds/<platform>-<arch>[-musl]/dotcompute.node
 *   node scripts/build-addon.mjs --force     builds in any case
 *   node scripts/build-addon.mjs --quiet     says nothing when there was nothing to do
 *
 * Prints one line. A machine that cannot build (no cmake, no C++ compiler, no headers) is no error: the JavaScript backend
 * works without the addon, and the line says what is missing. A build that fails where it could succeed is one.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const options = new Set(process.argv.slice(2));
const addon = path.join(root, "build/Release/dotcompute.node");
const stamp = path.join(root, "build/Release/dotcompute.stamp");
const lock = path.join(root, "build/addon.lock");

/** Skipped for a reason outside this package. */
class Unable extends Error {}

const resolvable = (name) => {
  try {
    return require.resolve(name);
  } catch {
    return undefined;
  }
};

const runs = (command) => {
  const result = spawnSync(command, ["--version"], { stdio: "ignore" });
  return result.error === undefined && result.status === 0;
};

/** Everything the addon is made of; it does not look at the kernels' own headers except the one it shares with them. */
function fingerprint() {
  const hash = createHash("sha256");
  const native = readdirSync(path.join(root, "native")).filter((name) => /\.[ch]pp$/.test(name)).sort();
  for (const file of ["CMakeLists.txt", "native/rt/abi.hpp", ...native.map((name) => `native/${name}`)]) {
    hash.update(`${file}\0`).update(readFileSync(path.join(root, file))).update("\0");
  }
  hash.update(`${process.platform}-${process.arch} ${require("node-addon-api/package.json").version}`);
  return hash.digest("hex");
}

/** Where cmake-js finds Node's headers without downloading them: the folder that holds include/node. */
const headersFolder = () =>
  [path.resolve(process.execPath, "../.."), "/usr", "/usr/local"].find((folder) => existsSync(path.join(folder, "include/node/node.h")));

/** The commands to run, with their environment. */
function plan() {
  if (!runs("cmake")) throw new Unable("cmake is not installed");
  const compiler = process.env.CXX?.trim().split(/\s+/)[0];
  if (compiler && !runs(compiler)) throw new Unable(`$CXX, ${compiler}, cannot be run`);
  if (!compiler && !["c++", "g++", "clang++"].some(runs)) throw new Unable("no C++ compiler is installed");
  if (!resolvable("node-addon-api/package.json")) throw new Unable("the package node-addon-api is not installed");

  const cmakeJs = resolvable("cmake-js/package.json");
  const nodedir = headersFolder();
  if (cmakeJs && nodedir) {
    const program = path.join(path.dirname(cmakeJs), "bin/cmake-js");
    // With `nodedir` set, cmake-js takes the headers there and downloads nothing.
    return [{ command: process.execPath, args: [program, "compile", "--directory", root], env: { ...process.env, npm_config_nodedir: nodedir } }];
  }
  if (!nodedir && !resolvable("node-api-headers/package.json")) throw new Unable("Node's headers (include/node) are not beside node");
  const build = path.join(root, "build");
  return [
    { command: "cmake", args: ["-S", root, "-B", build, `-DNODE_EXECUTABLE=${process.execPath}`], env: process.env },
    { command: "cmake", args: ["--build", build, "--config", "Release"], env: process.env },
  ];
}

/** Runs the build; its words are shown only if it fails. */
function build() {
  const steps = plan();
  // A cache of another generator or checkout stops cmake; everything in it can be made again.
  rmSync(path.join(root, "build/CMakeCache.txt"), { force: true });
  rmSync(path.join(root, "build/CMakeFiles"), { recursive: true, force: true });
  for (const { command, args, env } of steps) {
    const result = spawnSync(command, args, { cwd: root, env, encoding: "utf8", maxBuffer: 64 << 20 });
    if (result.error || result.status !== 0) {
      process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
      throw result.error ?? new Error(`${path.basename(command)} ended with ${result.signal ?? `exit code ${result.status}`}`);
    }
  }
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
};

/** One build at a time in this folder; a second process waits and then finds nothing left to do. */
function exclusively(work) {
  mkdirSync(path.dirname(lock), { recursive: true });
  const deadline = Date.now() + 10 * 60_000;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const holder = Number(existsSync(lock) ? readFileSync(lock, "utf8") : 0);
      if ((holder > 0 && !isAlive(holder)) || Date.now() > deadline) rmSync(lock, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

const isMusl = () => {
  if (process.platform !== "linux") return false;
  try {
    return readFileSync("/usr/bin/ldd", "utf8").includes("musl");
  } catch {
    return false;
  }
};

function prebuild() {
  const folder = path.join(root, "prebuilds", `${process.platform}-${process.arch}${isMusl() ? "-musl" : ""}`);
  mkdirSync(folder, { recursive: true });
  const temporary = path.join(folder, `dotcompute.node.${process.pid}`);
  copyFileSync(addon, temporary);
  renameSync(temporary, path.join(folder, "dotcompute.node"));
  return path.relative(root, folder);
}

const isFresh = (wanted) => existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;

try {
  const wanted = fingerprint();
  const built = exclusively(() => {
    if (isFresh(wanted) && !options.has("--force")) return false;
    build();
    writeFileSync(stamp, wanted);
    return true;
  });
  const copied = options.has("--prebuild") ? `, copied to ${prebuild()}` : "";
  if (built || copied || !options.has("--quiet")) console.log(`Native addon: ${built ? "built" : "up to date"}${copied}.`);
} catch (error) {
  if (error instanceof Unable) {
    console.log(`Native addon: not built, ${error.message}. Queries run on the JavaScript backend.`);
  } else {
    console.log(`Native addon: the build failed: ${error.message}`);
    process.exitCode = 1;
  }
}
