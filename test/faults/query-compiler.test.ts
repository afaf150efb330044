/** Compilers that are missing, fail, lie, hang or are killed: every query gets its answer, and one line says what happened. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { BackendError } from "../../src/index.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { bundledLibrary, fakeCompiler, leftBehind, newBench, outcomeOf, rejectionOf, watchedRuntime } from "./query-support.js";

const bench = newBench();
const library = bundledLibrary();
const many = new Float64Array(5000).fill(2);

// Test runners end their processes without ceremony: folders that are removed at a process's end go where they are removed anyway.
process.env["TMPDIR"] = bench.folder;

let next = 0;
const newCache = (): string => path.join(bench.folder, `cache-${(next += 1)}`);
/** Gives the path of the object that the compiler is to write. */
const OBJECT = 'for word in "$@"; do [ "$previous" = -o ] && OUT=$word; previous=$word; done';
/** The compiler is asked which flags it takes, too. */
const FLAGS = 'for word in "$@"; do if [ "$word" = -fsyntax-only ]; then exit 0; fi; done';

const STANDS_IN = "dotcompute: the js backend stands in for the cpu backend: ";

/** Name, script, the line in the log after STANDS_IN, whether it does not even say its version. */
const FAULTY: [name: string, script: string, line: RegExp, all?: boolean][] = [
  ["fails, in its own words", "cat > /dev/null; echo 'In file included:' >&2; echo 'kernel.cpp:3: error: no such thing' >&2; exit 1", /^faulty ended with exit code 1: kernel\.cpp:3: error: no such thing$/],
  ["fails without a word", "exit 3", /^faulty ended with exit code 3$/],
  ["is killed", "kill -KILL $$", /^faulty was killed by SIGKILL$/],
  ["crashes in the middle of its output", `${OBJECT}; echo half > "$OUT"; kill -SEGV $$`, /^faulty was killed by SIGSEGV$/],
  ["writes garbage", `${OBJECT}; cat > "$OUT"`, /^the kernel cache .* cannot be used: Cannot load the kernel: .*kernel\.so/],
  ["writes nothing", "cat > /dev/null", /^faulty ended without an error, but wrote no shared object$/],
  ["writes an empty file", `${OBJECT}; cat > /dev/null; : > "$OUT"`, /^the kernel cache .* cannot be used: Cannot load the kernel: .*kernel\.so/],
  ["writes a folder", `${OBJECT}; cat > /dev/null; mkdir "$OUT"`, /^faulty ended without an error, but wrote no shared object$/],
  ["prints a lot of garbage", "cat > /dev/null; head -c 3000000 /dev/urandom >&2; exit 1", /^faulty ended with exit code 1/],
  ["does not answer when it is asked its version", "exit 9", /^the compiler does not answer: .*faulty --version ended with exit code 9$/, true],
  ["is killed when it is asked its version", "kill -KILL $$", /^the compiler does not answer: .*faulty --version ended with SIGKILL$/, true],
];

describe.skipIf(bench.obstacle !== null)(`a compiler${bench.obstacle === null ? "" : ` (skipped: ${bench.obstacle})`}`, () => {
  describe.each<[string, string, RegExp, boolean?]>(FAULTY)("that %s", (_, script, line, all = false) => {
    const write = (): string => fakeCompiler(bench.folder, "faulty", all ? script : `${FLAGS}\n${script}`, all);

    it("leaves queries to JavaScript, and one line says why", async () => {
      const cacheFolder = newCache();
      const { runtime, lines, ran } = watchedRuntime({ compiler: write(), cacheFolder });
      const total = runtime.compute(many).map(x => x * 3).sum();
      const largest = runtime.compute(many).map(x => x + 3).max();
      expect(total.value()).toBe(30_000);
      expect(await largest).toBe(5);
      await runtime.settled();
      expect([total.value(), await total, largest.value()]).toEqual([30_000, 30_000, 5]);
      expect(new Set(ran)).toEqual(new Set(["js"]));
      expect(lines.length).toBe(1);
      expect(lines[0]!.startsWith(STANDS_IN)).toBe(true);
      expect(lines[0]!.slice(STANDS_IN.length)).toMatch(line);
      expect(lines[0]).not.toContain("\n");
      const explained = /\n {2}js: (.*)\n$/.exec(total.explain());
      expect(explained?.[1]).toMatch(line);
      if (existsSync(cacheFolder)) expect(leftBehind(cacheFolder)).toEqual([]);
    });

    it("is an error for a query that insists, now and later, and none for the next", async () => {
      const cacheFolder = newCache();
      const { runtime, lines } = watchedRuntime({ compiler: write(), cacheFolder });
      const total = runtime.compute(many).map(x => x * 3).on("cpu").sum();
      for (const error of [outcomeOf(() => total.value()), await rejectionOf(total.run())]) {
        expect(error).toBeInstanceOf(BackendError);
        expect((error as BackendError).code).toBe("DC402");
        expect((error as BackendError).message).toMatch(/^DC402: the query insists on the cpu backend, which cannot run it: .+/);
      }
      expect(lines).toEqual([]);
      expect(runtime.compute(many).map(x => x * 3).on("js").sum().value()).toBe(30_000);
      if (existsSync(cacheFolder)) expect(leftBehind(cacheFolder)).toEqual([]);
    });
  });

  it("that works again later is used by the next runtime", async () => {
    const cacheFolder = newCache();
    const compiler = fakeCompiler(bench.folder, "flaky", `${FLAGS}\nexit 1`);
    const first = watchedRuntime({ compiler, cacheFolder });
    first.runtime.compute(many).sum().value();
    await first.runtime.settled();
    expect(first.lines.length).toBe(1);
    fakeCompiler(bench.folder, "flaky", 'exec c++ "$@"', true);
    const second = watchedRuntime({ compiler, cacheFolder });
    expect(second.runtime.compute(many).sum().value()).toBe(10_000);
    await second.runtime.settled();
    expect(second.runtime.compute(many).sum().value()).toBe(10_000);
    expect({ ran: second.ran, lines: second.lines }).toEqual({ ran: ["js", "cpu"], lines: [] });
  });

  it("that hangs is stopped in time, and does not hold up JavaScript meanwhile", async () => {
    const cacheFolder = newCache();
    const pids = path.join(bench.folder, "pids");
    const compiler = fakeCompiler(bench.folder, "hanging", `${FLAGS}\necho $$ >> ${pids}\nsleep 1000 & echo $! >> ${pids}\nwait`);
    const lines: string[] = [];
    const runtime = runtimeOn(
      { log: line => void lines.push(line) },
      { js: createJsBackend, cpu: () => createCpuBackend({ cacheFolder, compiler, compileTimeLimit: 700 }) },
    );
    const total = runtime.compute(many).map(x => x * 3).sum();
    expect(total.value()).toBe(30_000);
    expect(await total).toBe(30_000);
    expect(total.explain()).toMatch(/\n {2}js: cold, compiling in the background\n$/);
    await runtime.settled();
    expect(total.value()).toBe(30_000);
    expect(lines).toEqual([`${STANDS_IN}hanging took longer than 700 ms and was stopped`]);
    expect((outcomeOf(() => runtime.compute(many).map(x => x * 4).on("cpu").sum().value()) as Error).message).toMatch(/hanging took longer than 700 ms and was stopped$/);
    const running = (pid: string): boolean => existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z");
    for (const pid of readFileSync(pids, "utf8").trim().split("\n")) while (running(pid)) await new Promise(resolve => setTimeout(resolve, 5));
    expect(leftBehind(cacheFolder)).toEqual([]);
  });

  it.each([
    ["at its work", `${FLAGS}\necho $$ > PID\nexec sleep 1000`, false],
    ["when it is asked its version", "echo $$ > PID\nexec sleep 1000", true],
  ])("that hangs %s keeps no process from ending, and ends with it", async (_, script, all) => {
    const pidFile = path.join(bench.folder, "pid");
    const temporary = bench.folder;
    const compiler = fakeCompiler(bench.folder, "stuck", script.replace("PID", pidFile), all);
    const cache = newCache();
    const ended = await library.runScript(
      `import { existsSync } from "node:fs";
       const total = dotcompute.compute(new Float64Array(5000).fill(2)).map(x => x * 3).sum();
       console.log(total.value());
       while (!existsSync(${JSON.stringify(pidFile)})) await new Promise(resolve => setTimeout(resolve, 5));
       console.log(await total);`,
      { env: { CXX: compiler, DOTCOMPUTE_CACHE: cache, TMPDIR: temporary } },
    );
    expect({ code: ended.code, stdout: ended.stdout, stderr: ended.stderr }).toEqual({ code: 0, stdout: "30000\n30000\n", stderr: "" });
    const pid = readFileSync(pidFile, "utf8").trim();
    const running = (): boolean => existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z");
    while (running()) await new Promise(resolve => setTimeout(resolve, 5));
  });

  it("that is killed, again and again, by someone else: a query that insists says so", async () => {
    const cacheFolder = newCache();
    const compiler = fakeCompiler(bench.folder, "victim", `${FLAGS}\nkill -TERM $$`);
    const { runtime } = watchedRuntime({ compiler, cacheFolder, backend: "cpu" });
    const runs = await Promise.all(Array.from({ length: 8 }, (_, k) => rejectionOf(runtime.compute(many).map(x => x * k, { k }).map(x => x + 1).sum().run())));
    for (const error of runs) expect((error as Error).message).toBe("DC402: the query insists on the cpu backend, which cannot run it: victim was killed by SIGTERM");
    expect(readdirSync(cacheFolder).filter(name => !name.endsWith(".json"))).toEqual([]);
  });

  it("that is missing is said in one line, and everything runs on JavaScript", async () => {
    const code = `
      const ran = [];
      const runtime = dotcompute.createRuntime({ onRun: ({ backend }) => ran.push(backend) });
      const { compute } = runtime;
      const array = new Float64Array(5000).map((_, at) => at);
      for (let round = 0; round < 3; round++) {
        compute(array).map(x => x * 2).toArray();
        await compute(array).filter(x => x > 5).count();
        await compute(array).map(x => { while (x > 10) x /= 2; return x; }).sum();
        await runtime.settled();
      }
      let refused;
      try { compute(array).on("cpu").sum().value(); } catch (error) { refused = error.message; }
      console.log(JSON.stringify({ ran: [...new Set(ran)], refused }));
    `;
    const reason = `there is no C++ compiler: neither $CXX is set nor is c++, g++, clang++ on the PATH`;
    const ended = await library.runScript(code, { env: { PATH: "/nowhere", CXX: "", DOTCOMPUTE_CACHE: newCache() } });
    expect(ended.stderr).toBe(`${STANDS_IN}${reason}\n`);
    expect(JSON.parse(ended.stdout)).toEqual({ ran: ["js"], refused: `DC402: the query insists on the cpu backend, which cannot run it: ${reason}` });
    expect(ended.code).toBe(0);
  });

  it("that is missing is not missed where its work is cached", async () => {
    const cache = newCache();
    const code = `
      const ran = [];
      const runtime = dotcompute.createRuntime({ onRun: ({ backend }) => ran.push(backend) });
      const total = runtime.compute(new Float64Array(5000).fill(2)).map(x => x * 7).sum();
      total.value();
      await runtime.settled();
      console.log(total.value(), ran.join());
    `;
    const first = await library.runScript(code, { env: { DOTCOMPUTE_CACHE: cache } });
    expect(first.stdout).toBe("70000 js,cpu\n");
    const second = await library.runScript(code, { env: { PATH: "/nowhere", CXX: "", DOTCOMPUTE_CACHE: cache } });
    expect({ stdout: second.stdout, stderr: second.stderr }).toEqual({ stdout: "70000 cpu,cpu\n", stderr: "" });
  });
});
