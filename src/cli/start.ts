/** The program itself. */
import { main } from "./main.js";

const write = (stream: NodeJS.WriteStream) => (text: string): void => void stream.write(text);

process.exitCode = main(process.argv.slice(2), { out: write(process.stdout), err: write(process.stderr) });
