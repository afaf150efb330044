/**
 * Builds the stand-in driver of the tests, a PTX interpreter that goes by the name libcuda.so.1, and the addon through which
 * tests reach it: build/cuda-driver/. A test tool: nothing of it is in the published package.
 *
 *   node test/cuda-driver/build.mjs            builds what has changed
 *   node test/cuda-driver/build.mjs --sanitize … with the address and undefined-behaviour sanitizers, in build/cuda-driver-sanitize/
 *
 * Needs a C++20 compiler and nothing of CUDA. Says in one line what it cannot do.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.resolve(HERE, "../..");
const PROCESSES = 2;

const WARNINGS = ["-Wall", "-Wextra", "-Wpedantic"];
const FLAGS = ["-std=c++20", "-O2", "-ftree-vectorize", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno"];
/** Kernels must see the rounding mode that cvt asks for. */
const OWN_FLAGS = { "ptx/execute-convert.cpp": ["-frounding-math"] };

const compilerOf = () => [process.env.CXX, "c++", "g++", "clang++"].find(name => name && spawnSync(name, ["--version"]).status === 0);

const sources = folder => readdirSync(path.join(HERE, folder)).filter(name => /\.[ch]pp$/.test(name)).map(name => `${folder}/${name}`).sort();

/** Where Node's headers are: beside node, or the system's. */
const nodeHeaders = () =>
  [path.resolve(process.execPath, "../../include/node"), "/usr/include/node", "/usr/local/include/node"].find(folder => existsSync(path.join(folder, "node_api.h")));

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", reject);
    child.on("exit", status => (status === 0 ? resolve() : reject(new Error(`${command} failed on ${args.at(-1)}`))));
  });
}

/** All of them, so many at a time. */
async function each(tasks, atOnce) {
  const queue = [...tasks];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let task = queue.shift(); task; task = queue.shift()) await task();
  }));
}

const isAlive = pid => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
};

/** One build at a time: a second process waits and then finds nothing left to do. */
async function exclusively(folder, work) {
  const lock = path.join(folder, "lock");
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const holder = existsSync(lock) ? Number(readFileSync(lock, "utf8")) : 0;
      if (holder > 0 && !isAlive(holder)) rmSync(lock, { force: true });
      else await sleep(100);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Gives the folder that holds libcuda.so.1 and control.node. Throws where it cannot be built. */
export async function buildDriver({ sanitize = false } = {}) {
  const compiler = compilerOf();
  if (!compiler) throw new Error("no C++ compiler was found (c++, g++, clang++ or $CXX)");
  const headers = nodeHeaders();
  if (!headers) throw new Error("Node's headers (node_api.h) were not found");
  const folder = path.join(ROOT, "build", sanitize ? "cuda-driver-sanitize" : "cuda-driver");
  const extra = sanitize ? ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"] : ["-march=native"];
  const all = [...sources("ptx"), ...sources("driver")];
  const text = name => readFileSync(path.join(HERE, name), "utf8");
  const version = spawnSync(compiler, ["--version"], { encoding: "utf8" }).stdout;
  // One hash for the headers: they are few, and each is in almost every file.
  const common = createHash("sha256").update(version).update(JSON.stringify([FLAGS, extra]));
  for (const name of all.filter(name => name.endsWith(".hpp"))) common.update(text(name));
  const shared = common.digest("hex");
  mkdirSync(folder, { recursive: true });
  await exclusively(folder, () => make({ folder, compiler, headers, extra, all, text, shared }));
  return folder;
}

async function make({ folder, compiler, headers, extra, all, text, shared }) {
  const stampOf = (output, hash) => {
    const stamp = `${output}.stamp`;
    return { fresh: existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash, mark: () => writeFileSync(stamp, hash) };
  };
  let changed = false;
  const objects = [];
  const tasks = [];
  for (const name of all.filter(name => name.endsWith(".cpp"))) {
    const object = path.join(folder, `${path.basename(name, ".cpp")}.o`);
    objects.push(object);
    const own = OWN_FLAGS[name] ?? [];
    const stamp = stampOf(object, createHash("sha256").update(shared).update(own.join()).update(text(name)).digest("hex"));
    if (stamp.fresh) continue;
    changed = true;
    tasks.push(async () => {
      await run(compiler, [...FLAGS, ...WARNINGS, ...extra, ...own, "-c", "-o", object, path.join(HERE, name)]);
      stamp.mark();
    });
  }
  await each(tasks, PROCESSES);

  /** Replaced in one step: another process may have the old one loaded. */
  const link = async (output, args) => {
    await run(compiler, [...extra, "-shared", "-o", `${output}.${process.pid}`, ...args]);
    renameSync(`${output}.${process.pid}`, output);
  };
  const library = path.join(folder, "libcuda.so.1");
  if (changed || !existsSync(library)) await link(library, ["-Wl,-soname,libcuda.so.1", ...objects, "-ldl"]);
  const control = path.join(folder, "control.node");
  const stamp = stampOf(control, createHash("sha256").update(shared).update(text("control/control.cpp")).digest("hex"));
  if (!stamp.fresh) {
    await link(control, [...FLAGS, ...WARNINGS, "-isystem", headers, path.join(HERE, "control/control.cpp"), "-ldl"]);
    stamp.mark();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildDriver({ sanitize: process.argv.includes("--sanitize") });
  } catch (error) {
    console.error(`The stand-in CUDA driver of the tests could not be built: ${error.message}`);
    process.exit(1);
  }
}
