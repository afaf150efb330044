/**
 * Fetches a real NVRTC for the tests into build/nvrtc, from PyPI or, failing that, from Debian. It is NVIDIA's and not free
 * software: it is downloaded to test with, and is neither part of this repository nor of the package.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../build/nvrtc");
/** Says why the last attempt failed, and by its time of change when. */
const FAILURE = "failure.txt";
const PARTIAL = ".partial-";
const DAY = 24 * 3600 * 1000;
const SECOND = 1000;

/** The stand-in driver refuses PTX that is newer than CUDA 13.0's, as a real one of that age does. */
const PACKAGE = "nvidia-cuda-nvrtc==13.0.*";

const POOL = "http://deb.debian.org/debian/pool/non-free/n/nvidia-cuda-toolkit";
const DEBIAN = [
  { file: "libnvrtc12_12.4.127~12.4.1-2_amd64.deb", sha256: "db76acbd9ad53eae57291114b615ed21551592dee0b1160990a33066d86c251c" },
  { file: "libnvrtc-builtins12.4_12.4.127~12.4.1-2_amd64.deb", sha256: "c4f9ea43c3e176a9f46b50718d546adb0dc7344432cd7d8b1483692e0416d24c" },
];

/** Who has NVRTC, and what puts it into a folder, or throws. */
type Sources = Readonly<Record<string, (folder: string) => void | Promise<void>>>;
const SOURCES: Sources = { PyPI: fromPip, Debian: fromDebian };

/** What has been fetched, the newest first. */
export function fetchedNvrtc(folder = FOLDER): readonly string[] {
  if (!existsSync(folder)) return [];
  // What is not complete yet may go away while one looks.
  const complete = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory() && !entry.name.startsWith(PARTIAL));
  return complete
    .flatMap(({ name }) => readdirSync(path.join(folder, name), { recursive: true, encoding: "utf8" }).map(file => path.join(folder, name, file)))
    .filter(file => /^libnvrtc\.so(\.\d+){0,2}$/.test(path.basename(file)))
    .sort((a, b) => path.basename(b).localeCompare(path.basename(a), "en", { numeric: true }));
}

/** Why NVRTC could not be fetched; null if it was never tried, or went well. */
export function fetchFailure(folder = FOLDER): string | null {
  const file = path.join(folder, FAILURE);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
}

/**
 * Fetches NVRTC from the first source that has it, unless that was done or failed within a day; gives a line about what it did,
 * or null if it did nothing. Never throws. Two processes may do so at the same time.
 */
export async function fetchNvrtc(folder = FOLDER, sources = SOURCES): Promise<string | null> {
  const failure = path.join(folder, FAILURE);
  const reasons: string[] = [];
  try {
    if (fetchedNvrtc(folder).length > 0) return null;
    if (existsSync(failure) && Date.now() - statSync(failure).mtimeMs < DAY) return null;
    mkdirSync(folder, { recursive: true });
    removeLeftovers(folder);
    for (const [name, fetchInto] of Object.entries(sources)) {
      const temporary = mkdtempSync(path.join(folder, PARTIAL));
      try {
        await fetchInto(temporary);
        keep(temporary, path.join(folder, name.toLowerCase()));
        rmSync(failure, { force: true });
        return `Fetched NVRTC for the tests from ${name} into ${folder}.`;
      } catch (error) {
        reasons.push(`${name}: ${messageOf(error)}`);
      } finally {
        rmSync(temporary, { recursive: true, force: true });
      }
    }
    writeFileSync(failure, `${reasons.join("; ")}\n`);
  } catch (error) {
    reasons.push(messageOf(error));
  }
  return `No NVRTC could be fetched for the tests (${reasons.join("; ")}). It is tried again after a day, or once ${folder} is gone.`;
}

/** Of processes that were ended meanwhile. */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const left = path.join(folder, name);
    if (name.startsWith(PARTIAL) && Date.now() - statSync(left).mtimeMs > DAY) rmSync(left, { recursive: true, force: true });
  }
}

function keep(temporary: string, folder: string): void {
  try {
    renameSync(temporary, folder);
  } catch (error) {
    // Another process has been faster.
    if (!existsSync(folder)) throw error;
  }
}

function fromPip(folder: string): void {
  // Without a connection this is over at once; without an answer, after the time-out.
  const options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--quiet", "--retries", "0", "--timeout", "4"];
  run("python3", ["-m", "pip", "install", ...options, "--target", folder, PACKAGE], 90 * SECOND);
  // As large as NVRTC itself, and the same by another memory allocator.
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) if (/\.alt\.so/.test(file)) rmSync(path.join(folder, file));
}

async function fromDebian(folder: string): Promise<void> {
  if (process.platform !== "linux" || process.arch !== "x64") throw new Error(`its packages are not for ${process.platform} on ${process.arch}`);
  for (const { file, sha256 } of DEBIAN) {
    const archive = path.join(folder, file);
    writeFileSync(archive, await download(`${POOL}/${file}`, sha256));
    unpack(archive, folder);
    rmSync(archive);
  }
}

async function download(url: string, sha256: string): Promise<Uint8Array> {
  const abort = new AbortController();
  const connecting = setTimeout(() => abort.abort(new Error("no answer within 4 s")), 4 * SECOND);
  const loading = setTimeout(() => abort.abort(new Error("not done within 60 s")), 60 * SECOND);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(connecting);
    if (!response.ok) throw new Error(`${url} gives ${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) throw new Error(`${url} is not what it was: its checksum differs`);
    return bytes;
  } catch (error) {
    throw error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
  } finally {
    clearTimeout(connecting);
    clearTimeout(loading);
  }
}

function unpack(archive: string, folder: string): void {
  if (spawnSync("dpkg-deb", ["--version"]).status === 0) return run("dpkg-deb", ["-x", archive, folder], 30 * SECOND);
  run("ar", ["x", "--output", folder, archive, "data.tar.xz"], 30 * SECOND);
  run("tar", ["-xf", path.join(folder, "data.tar.xz"), "-C", folder], 30 * SECOND);
  rmSync(path.join(folder, "data.tar.xz"));
}

function run(command: string, args: readonly string[], timeout: number): void {
  const { error, status, stderr } = spawnSync(command, args, { encoding: "utf8", timeout, killSignal: "SIGKILL", stdio: ["ignore", "ignore", "pipe"] });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.trim().split("\n").find(line => line.startsWith("ERROR")) ?? stderr.trim().split("\n").at(-1) ?? `${command} failed`);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
