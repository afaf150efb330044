/** Compilers that are missing, wrong, slow or killed; and what of it a user is told. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BackendError } from "../../fusion/errors.js";
import { examine, findCompiler, splitCommand, type FoundCompiler } from "../../src/backends/cpu/compiler.js";
import { createToolchain, type CompileRequest, type Toolchain } from "../../src/backends/cpu/toolchain.js";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-compiler-test-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A compiler that is a shell script. `$OUT` is the object that it is to write. */
function script(name: string, body: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\nfor word in "$@"; do [ "$previous" = -o ] && OUT=$word; previous=$word; done\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

const request = (command: string, more: Partial<CompileRequest> = {}): CompileRequest => ({
  command,
  args: [],
  libraries: [],
  source: "int x;\n",
  object: path.join(folder, "kernel.so"),
  temporary: folder,
  ...more,
});

/** Both ways of compiling must tell the same. */
const ways: readonly [string, (toolchain: Toolchain, wanted: CompileRequest) => Promise<void>][] = [
  ["in the background", (toolchain, wanted) => toolchain.compile(wanted).done],
  ["at once", async (toolchain, wanted) => Promise.resolve(toolchain.compileSync(wanted))],
];

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z");
  } catch {
    return false;
  }
};
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5));
};

describe.each(ways)("a compiler %s", (_, compile) => {
  it("gets the source, the flags, a place for its files, and writes the object", async () => {
    const command = script("good", `cat > "$OUT"; echo "$@" > "$OUT.args"; echo "$TMPDIR $LC_ALL" > "$OUT.env"`);
    await compile(createToolchain(), request(command, { args: ["-O3", "-I", "a b"], libraries: ["-lm"], source: "int y;\n" }));
    const object = path.join(folder, "kernel.so");
    expect(readFileSync(object, "utf8")).toBe("int y;\n");
    expect(readFileSync(`${object}.args`, "utf8")).toBe(`-O3 -I a b -o ${object} -x c++ - -lm\n`);
    expect(readFileSync(`${object}.env`, "utf8")).toBe(`${folder} C\n`);
  });

  it.each([
    ["that fails, in its own words", "cat > /dev/null; echo 'kernel.cpp:3: error: no such thing' >&2; exit 1", "DC403: cc ended with exit code 1\nkernel.cpp:3: error: no such thing"],
    ["that fails without a word", "cat > /dev/null; exit 4", "DC403: cc ended with exit code 4"],
    ["that fails before it has read all", "exit 5", "DC403: cc ended with exit code 5"],
    ["that is killed", "kill -9 $$", "DC403: cc was killed by SIGKILL"],
    ["that crashes", "kill -SEGV $$", "DC403: cc was killed by SIGSEGV"],
  ])("%s", async (_name, body, message) => {
    const source = "int x;\n".repeat(100_000); // more than a pipe holds
    await expect(compile(createToolchain(), request(script("cc", body), { source }))).rejects.toThrow(new BackendError("DC403", message.replace(/^DC403: /, "")));
  });

  it("that says too much is quoted in part", async () => {
    const command = script("cc", "cat > /dev/null; i=0; while [ $i -lt 3000 ]; do echo 'error: again and again' >&2; i=$((i+1)); done; exit 1");
    const error = (await compile(createToolchain(), request(command)).catch((reason: unknown) => reason)) as BackendError;
    expect(error.message).toMatch(/^DC403: cc ended with exit code 1\nerror: again and again\n/);
    expect(error.message.length).toBeLessThan(8100);
  });

  it("that is gone", async () => {
    await expect(compile(createToolchain(), request(path.join(folder, "nobody")))).rejects.toThrow(/^DC403: .*nobody could not be run: spawn(Sync)? .*nobody ENOENT/);
  });

  it("that is no program", async () => {
    writeFileSync(path.join(folder, "text"), "text");
    await expect(compile(createToolchain(), request(path.join(folder, "text")))).rejects.toThrow(/^DC403: .*text could not be run: spawn(Sync)? .*text EACCES/);
  });

  it("that never ends is stopped, with all that it has started", async () => {
    const command = script("cc", `sleep 1000 & echo $! > ${folder}/pid; wait`);
    await expect(compile(createToolchain({ timeLimit: 300 }), request(command))).rejects.toThrow("DC403: cc took longer than 300 ms and was stopped");
    const child = Number(readFileSync(path.join(folder, "pid"), "utf8"));
    await until(() => !isRunning(child));
  });
});

describe("compilers in the background", () => {
  it("are no more at once than there are processors", async () => {
    const most = os.availableParallelism();
    const command = script("cc", `cat > /dev/null; mkdir ${folder}/running-$$; ls -d ${folder}/running-* | wc -l >> ${folder}/counts; while [ ! -e ${folder}/go ]; do sleep 0.01; done; rmdir ${folder}/running-$$`);
    const toolchain = createToolchain();
    const all = Array.from({ length: 3 * most }, () => toolchain.compile(request(command)));
    all.forEach(compilation => compilation.hold());
    await until(() => readdirSync(folder).filter(name => name.startsWith("running-")).length === most);
    writeFileSync(path.join(folder, "go"), "");
    await Promise.all(all.map(({ done }) => done));
    const counts = readFileSync(path.join(folder, "counts"), "utf8").trim().split("\n").map(Number);
    expect(counts.length).toBe(3 * most);
    expect(Math.max(...counts)).toBeLessThanOrEqual(most);
  });

  /** A process that compiles with a compiler of ours; gives what it printed when it has ended by itself. */
  function inProcess(command: string, code: string): string {
    const file = path.join(folder, "script.mts");
    writeFileSync(
      file,
      `import { createToolchain } from ${JSON.stringify(path.resolve("src/backends/cpu/toolchain.ts"))};
       const toolchain = createToolchain();
       const begin = () => toolchain.compile(${JSON.stringify(request(command))});
       ${code}`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", file], { encoding: "utf8", timeout: 60_000, cwd: path.resolve() });
    return stdout + stderr;
  }

  it("do not keep a process alive that waits for nothing, and end with it", async () => {
    const command = script("cc", `echo $$ > ${folder}/pid; sleep 1000`);
    const output = inProcess(command, `begin().done.catch(() => undefined); await new Promise(resolve => setTimeout(resolve, 300)); console.log("over");`);
    expect(output).toBe("over\n");
    if (existsSync(path.join(folder, "pid"))) await until(() => !isRunning(Number(readFileSync(path.join(folder, "pid"), "utf8"))));
  });

  it("keep a process alive that waits for them, also for those that have not begun", () => {
    const command = script("cc", "cat > /dev/null; sleep 0.1");
    const output = inProcess(
      command,
      `for (let i = 0; i < 20; i++) begin().done.catch(() => undefined);
       const last = begin();
       last.hold();
       await last.done;
       console.log("done");`,
    );
    expect(output).toBe("done\n");
  });

  it("are killed by process.exit()", async () => {
    const command = script("cc", `echo $$ > ${folder}/pid; sleep 1000`);
    const output = inProcess(
      command,
      `const one = begin(); one.hold(); one.done.catch(() => undefined);
       const { existsSync, readFileSync } = await import("node:fs");
       const look = setInterval(() => { if (existsSync("${folder}/pid") && readFileSync("${folder}/pid", "utf8") !== "") { console.log("begun"); process.exit(); } }, 5);`,
    );
    expect(output).toBe("begun\n");
    await until(() => !isRunning(Number(readFileSync(path.join(folder, "pid"), "utf8"))));
  });
});

describe("finding a compiler", () => {
  const find = (environment: Record<string, string>, wanted?: string) => findCompiler(wanted, environment);

  it("takes $CXX with its arguments, wherever it lies", () => {
    const mine = script("my c++", "");
    script("other", "");
    expect(find({ CXX: `"${mine}" -m64 --sysroot='/a b'`, PATH: "" }).found).toMatchObject({ command: mine, args: ["-m64", "--sysroot=/a b"] });
    expect(find({ CXX: "other", PATH: `/nowhere:${folder}` }).found).toMatchObject({ command: path.join(folder, "other"), args: [] });
    expect(find({ CXX: "other", PATH: folder }, `${mine.replace(" ", "\\ ")} -g`).found).toMatchObject({ command: mine, args: ["-g"] });
  });

  it("else takes c++, g++ or clang++, in this order", () => {
    script("clang++", "");
    expect(find({ PATH: folder }).found?.command).toBe(path.join(folder, "clang++"));
    script("g++", "");
    expect(find({ PATH: folder, CXX: " " }).found?.command).toBe(path.join(folder, "g++"));
    script("c++", "");
    expect(find({ PATH: folder }).found?.command).toBe(path.join(folder, "c++"));
  });

  it("does not take folders, texts, or what lies in the current folder", () => {
    mkdirSync(path.join(folder, "c++"));
    writeFileSync(path.join(folder, "g++"), "text");
    expect(find({ PATH: folder }).reason).toBe("there is no C++ compiler: neither $CXX is set nor is c++, g++, clang++ on the PATH");
    expect(find({ PATH: ":.:" }).found).toBeNull();
    expect(find({}).found).toBeNull();
  });

  it("does not take another than the one that was named", () => {
    script("g++", "");
    expect(find({ PATH: folder, CXX: "icc -fast" })).toEqual({ found: null, reason: "$CXX, icc -fast, is not a program that can be run" });
    expect(find({ PATH: folder, CXX: "g++" }, "icc")).toEqual({ found: null, reason: "the compiler asked for, icc, is not a program that can be run" });
  });

  it("tells a compiler that has changed", () => {
    script("c++", "");
    const before = find({ PATH: folder }).found?.fingerprint;
    expect(find({ PATH: folder }).found?.fingerprint).toBe(before);
    utimesSync(path.join(folder, "c++"), 1, 1);
    expect(find({ PATH: folder }).found?.fingerprint).not.toBe(before);
  });

  it.each([
    ["g++", ["g++"]],
    ["  ccache   g++  -m32 ", ["ccache", "g++", "-m32"]],
    [`"/a b/g++" -D'X="y z"' a\\ b "q\\"q" ''`, ["/a b/g++", '-DX="y z"', "a b", 'q"q', ""]],
    ["", []],
  ])("splits %j into words", (text, words) => {
    expect(splitCommand(text)).toEqual(words);
  });
});

describe("examining a compiler", () => {
  const found = (command: string): FoundCompiler => ({ command, args: [], fingerprint: "" });
  const flags = ["-O3", "-march=native", "-shared"];

  it("learns its version, and that it takes all flags", () => {
    const command = script("c++", `case "$*" in *--version*) echo 'c++ 12.2'; echo more;; esac`);
    expect(examine(found(command), flags)).toEqual({ version: "c++ 12.2\nmore", flags });
  });

  it("does without -march=native where that is unknown", () => {
    const command = script("c++", `case "$*" in *--version*) echo 'c++ 1';; *-march=native*) exit 1;; esac`);
    expect(examine(found(command), flags)).toEqual({ version: "c++ 1", flags: ["-O3", "-shared"] });
  });

  it.each([
    ["fails", "exit 3", /--version ended with exit code 3/],
    ["is killed", "kill -9 $$", /--version ended with SIGKILL/],
  ])("says so if it %s", (_, body, words) => {
    expect(examine(found(script("c++", body)), flags)).toMatch(words);
  });

  it("says so if it is gone", () => {
    expect(examine(found(path.join(folder, "nobody")), flags)).toMatch(/nobody --version: .*ENOENT/);
  });
});
