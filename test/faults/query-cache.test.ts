/** Kernel caches that cannot be read, written or trusted: queries run all the same, and nothing is left behind. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { bundledLibrary, newBench, watchedRuntime, type ScriptOptions } from "./query-support.js";

const bench = newBench();
const library = bundledLibrary();
const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

let next = 0;
/** A new folder, with room for a cache that does not exist yet and for temporary files of the process. */
function newPlace(): { readonly base: string; readonly cache: string; readonly temporary: string } {
  const base = path.join(bench.folder, `place-${(next += 1)}`);
  const temporary = path.join(base, "tmp");
  mkdirSync(temporary, { recursive: true });
  return { base, cache: path.join(base, "cache"), temporary };
}

const QUERY = `
  const ran = [], lines = [];
  const runtime = dotcompute.createRuntime({ onRun: ({ backend }) => ran.push(backend), log: line => lines.push(line) });
  const total = runtime.compute(new Float64Array(5000).fill(2)).map(x => x * 3).sum();
  const answers = [total.value()];
  await runtime.settled();
  answers.push(total.value(), await total);
  console.log(JSON.stringify({ answers, ran, lines }));
`;
interface Answer {
  readonly answers: readonly number[];
  readonly ran: readonly string[];
  readonly lines: readonly string[];
}

/** Runs a query in a process of its own, with this cache. */
async function inProcess({ cache, temporary }: { readonly cache: string; readonly temporary: string }, options: ScriptOptions = {}, code = QUERY): Promise<Answer> {
  const ended = await library.runScript(code, { ...options, env: { DOTCOMPUTE_CACHE: cache, TMPDIR: temporary, ...options.env } });
  expect({ code: ended.code, signal: ended.signal, stderr: ended.stderr }).toEqual({ code: 0, signal: null, stderr: "" });
  return JSON.parse(ended.stdout) as Answer;
}

const COLD: Answer = { answers: [30_000, 30_000, 30_000], ran: ["js", "cpu", "cpu"], lines: [] };
const WARM: Answer = { ...COLD, ran: ["cpu", "cpu", "cpu"] };
const entriesOf = (folder: string): readonly string[] => readdirSync(folder).filter(name => /^[0-9a-f]{64}-/.test(name));
const nothingLeft = ({ temporary, cache }: { readonly temporary: string; readonly cache: string }): void => {
  expect(readdirSync(temporary).filter(name => name.startsWith("dotcompute"))).toEqual([]);
  if (existsSync(cache) && statSync(cache).isDirectory()) expect(readdirSync(cache).filter(name => name.startsWith("tmp-"))).toEqual([]);
};

/** One filled cache, to be copied: filling it costs two processes. */
let filled: Promise<string> | null = null;
async function newFilledPlace(): Promise<ReturnType<typeof newPlace>> {
  filled ??= (async () => {
    const place = newPlace();
    expect(await inProcess(place)).toEqual(COLD);
    return place.cache;
  })();
  const place = newPlace();
  cpSync(await filled, place.cache, { recursive: true });
  return place;
}

/** Mounts a disk of this size; false where this user may not. */
function mountDisk(folder: string, size: string): boolean {
  mkdirSync(folder, { recursive: true });
  return isRoot && spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=700`, "none", folder]).status === 0;
}
const unmount = (folder: string): void => void spawnSync("umount", ["-l", folder]);
const probe = path.join(bench.folder, "probe");
const canMount = mountDisk(probe, "4k");
if (canMount) unmount(probe);

describe.skipIf(bench.obstacle !== null)(`a kernel cache${bench.obstacle === null ? "" : ` (skipped: ${bench.obstacle})`}`, () => {
  it("is filled by the first process and serves the next", async () => {
    const place = newPlace();
    expect(await inProcess(place)).toEqual(COLD);
    expect(entriesOf(place.cache).length).toBe(1);
    expect(await inProcess(place)).toEqual(WARM);
    nothingLeft(place);
    expect(statSync(place.cache).mode & 0o077).toBe(0);
  });

  it.each([
    ["cut short", (object: string) => writeFileSync(object, readFileSync(object).subarray(0, 3000))],
    ["overwritten by something else", (object: string) => writeFileSync(object, "#!/bin/sh\necho surprise\n")],
    ["changed in one byte", (object: string) => writeFileSync(object, readFileSync(object).map((byte, at) => (at === 5000 ? byte ^ 1 : byte)))],
    ["empty", (object: string) => writeFileSync(object, "")],
    ["gone", (object: string) => rmSync(object)],
    ["without its checksum", (object: string) => rmSync(path.join(path.dirname(object), "checksum"))],
    ["open to everybody's writing", (object: string) => chmodSync(object, 0o777)],
    ["a folder", (object: string) => (rmSync(object), mkdirSync(object))],
  ])("whose entry is %s is not used, and the entry is made anew", async (_, spoil) => {
    const place = await newFilledPlace();
    const [entry] = entriesOf(place.cache);
    spoil(path.join(place.cache, entry!, "kernel.so"));
    expect(await inProcess(place)).toEqual(COLD);
    expect(entriesOf(place.cache)).toEqual([entry]);
    expect(statSync(path.join(place.cache, entry!, "kernel.so")).mode & 0o077).toBe(0);
    nothingLeft(place);
  });

  it.skipIf(!isRoot)("whose entry belongs to another user is not used", async () => {
    const place = await newFilledPlace();
    const [entry] = entriesOf(place.cache);
    chownSync(path.join(place.cache, entry!, "kernel.so"), NOBODY, NOBODY);
    expect(await inProcess(place)).toEqual(COLD);
    expect(statSync(path.join(place.cache, entry!, "kernel.so")).uid).toBe(process.getuid?.());
    nothingLeft(place);
  });

  it.skipIf(!isRoot)("that belongs to another user is left alone", async () => {
    const place = newPlace();
    mkdirSync(place.cache);
    chownSync(place.cache, NOBODY, NOBODY);
    expect(await inProcess(place)).toEqual(COLD);
    expect(readdirSync(place.cache)).toEqual([]);
    nothingLeft(place);
  });

  it("that is a file is no obstacle", async () => {
    const place = newPlace();
    writeFileSync(place.cache, "not a folder");
    expect(await inProcess(place)).toEqual(COLD);
    expect(readFileSync(place.cache, "utf8")).toBe("not a folder");
    nothingLeft(place);
    const below = { ...place, cache: path.join(place.cache, "below") };
    expect(await inProcess(below)).toEqual(COLD);
    nothingLeft(below);
  });

  it("that may only be read is no obstacle, and what it holds is used", async () => {
    const place = await newFilledPlace();
    const other = QUERY.replace("x * 3", "x + 4");
    // The superuser may write anywhere: such a process gives that up first.
    const options: ScriptOptions = isRoot ? { shell: "exec setpriv --bounding-set=-dac_override,-dac_read_search" } : {};
    spawnSync("chmod", ["-R", "a-w", place.cache]);
    try {
      expect(await inProcess(place, options)).toEqual(WARM);
      const before = readdirSync(place.cache);
      expect(await inProcess(place, options, other)).toEqual(COLD);
      expect(readdirSync(place.cache)).toEqual(before);
    } finally {
      spawnSync("chmod", ["-R", "u+w", place.cache]);
    }
    nothingLeft(place);
  });

  describe(`on a full disk${canMount ? "" : " (skipped where disks cannot be mounted)"}`, () => {
    const mounts: string[] = [];
    afterEach(() => mounts.splice(0).forEach(unmount));
    const tinyDisk = (folder: string, size: string): void => {
      expect(mountDisk(folder, size)).toBe(true);
      mounts.push(folder);
    };

    it.skipIf(!canMount).each(["4k", "16k"])("of %s, kernels go to a temporary folder", async size => {
      const place = newPlace();
      tinyDisk(place.cache, size);
      expect(await inProcess(place)).toEqual(COLD);
      nothingLeft(place);
    });

    it.skipIf(!canMount)("that has no room for temporary files either, JavaScript runs, and one line says why", async () => {
      const place = newPlace();
      tinyDisk(place.cache, "4k");
      tinyDisk(place.temporary, "4k");
      const { answers, ran, lines } = await inProcess(place);
      expect({ answers, ran }).toEqual({ answers: COLD.answers, ran: ["js", "js", "js"] });
      expect(lines).toEqual([expect.stringMatching(/^dotcompute: the js backend stands in for the cpu backend: .*No space left on device/)]);
      nothingLeft(place);
    });

    it("or a limit on the size of files, JavaScript runs, and one line says why", async () => {
      const place = newPlace();
      const { answers, ran, lines } = await inProcess(place, { shell: "ulimit -f 4; exec" });
      expect({ answers, ran }).toEqual({ answers: COLD.answers, ran: ["js", "js", "js"] });
      expect(lines).toEqual([expect.stringMatching(/^dotcompute: the js backend stands in for the cpu backend: .*file (size limit|too large)/i)]);
      nothingLeft(place);
    });
  });

  it("that six processes fill at once serves all of them", async () => {
    const place = newPlace();
    const answers = await Promise.all(Array.from({ length: 6 }, () => inProcess(place)));
    for (const { answers: values, lines } of answers) expect({ values, lines }).toEqual({ values: COLD.answers, lines: [] });
    expect(entriesOf(place.cache).length).toBe(1);
    nothingLeft(place);
    expect(await inProcess(place)).toEqual(WARM);
  });

  it("that is emptied while a process uses it costs a compilation, no more", async () => {
    const place = newPlace();
    const { runtime, lines, ran } = watchedRuntime({ cacheFolder: place.cache });
    const sum = (k: number) => runtime.compute(new Float64Array(5000).fill(k)).map(x => x * 3).sum().value();
    expect(sum(1)).toBe(15_000);
    await runtime.settled();
    rmSync(place.cache, { recursive: true });
    expect(sum(2)).toBe(30_000);
    const other = runtime.compute(new Float64Array(5000).fill(2)).map(x => x * 5).sum();
    expect(other.value()).toBe(50_000);
    await runtime.settled();
    expect(other.value()).toBe(50_000);
    expect({ ran, lines }).toEqual({ ran: ["js", "cpu", "js", "cpu"], lines: [] });
    expect(entriesOf(place.cache).length).toBe(1);
  });

  it("left unfinished by a process that was killed is no obstacle", async () => {
    const place = newPlace();
    // Killed in the middle of compiling.
    const slow = path.join(place.base, "slow");
    writeFileSync(slow, `#!/bin/sh\nfor word in "$@"; do if [ "$word" = --version ] || [ "$word" = -fsyntax-only ]; then echo 1; exit 0; fi; done\necho compiling > ${place.base}/began\nexec sleep 30\n`);
    chmodSync(slow, 0o755);
    const code = `
      import { existsSync } from "node:fs";
      dotcompute.compute(new Float64Array(5000)).map(x => x * 3).sum().value();
      setInterval(() => existsSync(${JSON.stringify(`${place.base}/began`)}) && process.kill(process.pid, "SIGKILL"), 10);
    `;
    const killed = await library.runScript(code, { env: { DOTCOMPUTE_CACHE: place.cache, TMPDIR: place.temporary, CXX: slow } });
    expect(killed.signal).toBe("SIGKILL");
    expect(readdirSync(place.cache).filter(name => name.startsWith("tmp-")).length).toBe(1);
    expect(await inProcess(place)).toEqual(COLD);
    expect(entriesOf(place.cache).length).toBe(1);
  });
});

it("no cache folder is made in a home that does not exist, and queries run", async () => {
  const place = newPlace();
  const env = { HOME: path.join(place.base, "no", "home"), XDG_CACHE_HOME: "", DOTCOMPUTE_CACHE: "", TMPDIR: place.temporary, CXX: "/no/such/compiler" };
  const ended = await library.runScript(QUERY, { env });
  expect((JSON.parse(ended.stdout) as Answer).answers).toEqual(COLD.answers);
  expect(existsSync(env.HOME)).toBe(false);
  expect(os.homedir()).not.toBe(env.HOME);
});
