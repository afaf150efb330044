/** The program itself. */
import { fork } from "node:child_process";
import { main } from "./main.js";

const write = (stream: NodeJS.WriteStream) => (text: string): void => void stream.write(text);

const again = (args: readonly string[], hear: (told: unknown) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    fork(process.argv[1] as string, args).on("message", hear).once("error", reject).once("close", () => resolve());
  });

const told = process.send?.bind(process);
const tell = told === undefined ? null : (what: unknown): Promise<void> => new Promise((resolve, reject) => void told(what, undefined, undefined, error => (error === null ? resolve() : reject(error))));

// A shared store's connection would keep the process alive.
void main(process.argv.slice(2), { out: write(process.stdout), err: write(process.stderr), screen: process.stderr, load: url => import(url) as Promise<unknown>, again, tell }).then(code => {
  process.exitCode = code;
  process.stdout.write("", () => process.exit());
});
