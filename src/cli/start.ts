/** The program itself. */
import { main } from "./main.js";

const write = (stream: NodeJS.WriteStream) => (text: string): void => void stream.write(text);

// A shared store's connection would keep the process alive.
void main(process.argv.slice(2), { out: write(process.stdout), err: write(process.stderr), screen: process.stderr, load: url => import(url) as Promise<unknown> }).then(code => {
  process.exitCode = code;
  process.stdout.write("", () => process.exit());
});
