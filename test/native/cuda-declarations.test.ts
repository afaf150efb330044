/** What this project declares of CUDA's driver is what CUDA's own header declares, where that is installed. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";
import { compiler } from "./toolchain.js";

const toolkits = existsSync("/usr/local") ? readdirSync("/usr/local").filter(name => name.startsWith("cuda")) : [];
const include = ["/usr/include", ...toolkits.map(name => path.join("/usr/local", name, "include"))].find(folder => existsSync(path.join(folder, "cuda.h")));
const source = fileURLToPath(new URL("cuda-declarations.cpp", import.meta.url));
const native = fileURLToPath(new URL("../../native", import.meta.url));

describe("declarations of CUDA", () => {
  it.skipIf(include === undefined || compiler === null)(`agree with cuda.h${include === undefined ? ", which is not installed" : ""}`, () => {
    execFileSync(compiler as string, ["-std=c++20", "-fsyntax-only", "-isystem", include as string, "-I", native, source], { stdio: "pipe" });
  });
});
