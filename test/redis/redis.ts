/**
 * A Redis for the tests: the system's, or Debian's package, unpacked into build/redis and not installed. It listens on a socket in a
 * folder of its own, and keeps nothing.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../build/redis");
const UNPACKED = path.join(FOLDER, "unpacked");
/** Says why the last attempt failed, and by its time of change when. */
const FAILURE = path.join(FOLDER, "failure.txt");
/** redis-server is a link to a program of redis-tools; the others are what it needs beside the usual libraries. */
const PACKAGES = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"];
const DAY = 24 * 3600 * 1000;

interface Program {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
}

function answers({ command, env }: Program): boolean {
  return spawnSync(command, ["--version"], { env }).status === 0;
}

const fromSystem: Program = { command: "redis-server", env: process.env };

function unpacked(): Program {
  const libraries = path.join(UNPACKED, "usr/lib");
  const folders = existsSync(libraries) ? readdirSync(libraries).map(name => path.join(libraries, name)) : [];
  return { command: path.join(UNPACKED, "usr/bin/redis-check-rdb"), env: { ...process.env, LD_LIBRARY_PATH: folders.join(":") } };
}

/** Redis, or why there is none. */
export function redisForTests(): { readonly program: Program; readonly reason: null } | { readonly program: null; readonly reason: string } {
  if (answers(fromSystem)) return { program: fromSystem, reason: null };
  const program = existsSync(UNPACKED) ? serverOf(unpacked()) : null;
  if (program !== null && answers(program)) return { program, reason: null };
  return { program: null, reason: existsSync(FAILURE) ? readFileSync(FAILURE, "utf8").trim() : "redis-server is not installed" };
}

/** The program looks at the name by which it is called. */
function serverOf({ command, env }: Program): Program {
  const server = path.join(path.dirname(command), "redis-server");
  return { command: existsSync(server) ? server : command, env };
}

/** Fetches Debian's package, unless there is a Redis or that failed within a day. Gives a line about what it did, or null. Never throws. */
export function fetchRedis(): string | null {
  if (redisForTests().program !== null) return null;
  if (existsSync(FAILURE) && Date.now() - statSync(FAILURE).mtimeMs < DAY) return null;
  mkdirSync(FOLDER, { recursive: true });
  const temporary = mkdtempSync(path.join(FOLDER, ".partial-"));
  try {
    run("apt-get", ["download", ...PACKAGES], temporary);
    const root = path.join(temporary, "root");
    for (const archive of readdirSync(temporary).filter(name => name.endsWith(".deb"))) run("dpkg-deb", ["-x", archive, root], temporary);
    if (!existsSync(UNPACKED)) renameSync(root, UNPACKED);
    rmSync(FAILURE, { force: true });
    return `Fetched Redis for the tests into ${UNPACKED}.`;
  } catch (error) {
    const reason = `redis-server is not installed, and Debian's package could not be fetched: ${error instanceof Error ? error.message : String(error)}`;
    writeFileSync(FAILURE, `${reason}\n`);
    return `${reason}. It is tried again after a day, or once ${FOLDER} is gone.`;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { error, status, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 30_000, killSignal: "SIGKILL", stdio: ["ignore", "ignore", "pipe"] });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.trim().split("\n").find(line => line.startsWith("E:")) ?? `${command} failed`);
}

export interface Redis {
  readonly socket: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** Starts one in this folder; resolves when it can be talked to. */
export async function startRedis(program: Program, folder: string): Promise<Redis> {
  const socket = path.join(folder, "redis.sock");
  const options = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder, "--daemonize", "no"];
  const child = spawn(program.command, options, { env: program.env, stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise<void>(resolve => void child.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", code => reject(new Error(`redis-server ended with ${String(code)}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (text.includes("accept connections at")) resolve();
    });
  });
  return {
    socket,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
