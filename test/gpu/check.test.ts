/** `npm run check:gpu` where there is no GPU: what it says without a driver, and all of its work on the stand-in driver, which is none. */
import { execFile } from "node:child_process";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { nvrtcForTests } from "../cuda-nvrtc/build.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";
import { agreementOf, type Report } from "./agreement.js";
import { openMachine, ROOT } from "./machine.js";

afterEach(() => vi.unstubAllEnvs());

function run(env: Readonly<Record<string, string>>): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise(resolve => {
    const script = path.join(ROOT, "test", "gpu", "check.ts");
    const child = execFile(process.execPath, ["--import", "tsx", script], { cwd: ROOT, env: { ...process.env, ...env } }, (_, stdout, stderr) => resolve({ code: child.exitCode, output: stdout + stderr }));
  });
}

describe("check:gpu", () => {
  it("says that there is no driver, and fails", async () => {
    const { code, output } = await run({ DOTCOMPUTE_CUDA_DRIVER: "/nowhere/libcuda.so.1" });
    expect(output).toMatch(/^There is no GPU to check here: the CUDA driver's library cannot be opened: \/nowhere\/libcuda\.so\.1.*\n$/);
    expect(code).toBe(1);
  });

  describe.skipIf(unavailable !== null)(`on the stand-in driver${unavailable === null ? "" : `: ${unavailable}`}`, () => {
    const library = unavailable === null ? newStandIn().library : "";
    const nvrtc = nvrtcForTests().library ?? "";

    it("tries everything, small, and fails, since that is no GPU", async () => {
      const { code, output } = await run({ DOTCOMPUTE_CUDA_DRIVER: library, DOTCOMPUTE_NVRTC: nvrtc, DOTCOMPUTE_PROGRAMS: "8" });
      expect(output).toMatch(/^device {2}PTX interpreter \(test\): compute capability 9\.0/m);
      expect(output).toMatch(/NO GPU: .* its times mean nothing/);
      expect(output).toMatch(/^ {2}8 programs, \d+ comparisons .*; CUDA: PTX interpreter \(test\)\.$/m);
      expect(output).toContain("2 tests passed, 1 of them on cuda; 0 failed");
      expect(output).toMatch(/^ {2}device-to-device copy of [\d.]+ MiB: [\d.]+ GB\/s/m);
      expect(output.match(/^ {2}.* \d+ % +[\d.]+ +[\d.]+ ms +[\d.]+ ms$/gm)).toHaveLength(9);
      expect(output).toMatch(/NOT CHECKED: all results agree, but this was no GPU\.\n$/);
      expect(code).toBe(1);
    });

    it("says what is missing", () => {
      vi.stubEnv("DOTCOMPUTE_CUDA_DRIVER", library);
      vi.stubEnv("DOTCOMPUTE_NVRTC", "/nowhere.so");
      expect(openMachine()).toEqual({ reason: expect.stringMatching(/^NVRTC's library cannot be opened: \/nowhere\.so/) });
      vi.stubEnv("DOTCOMPUTE_NVRTC", nvrtc);
      vi.stubEnv("DOTCOMPUTE_CUDA_DRIVER", newStandIn({ devices: 0 }).library);
      expect(openMachine()).toEqual({ reason: expect.stringMatching(/no device|NO_DEVICE/) });
      vi.stubEnv("DOTCOMPUTE_CUDA_DRIVER", newStandIn({ capability: 61 }).library);
      expect(openMachine()).toEqual({ reason: expect.stringContaining("cannot compile for a device of compute capability 6.1") });
    });
  });
});

describe("the agreement's verdict", () => {
  const passed = { status: "passed", fullName: "programs give the same bits on js, cuda", failureMessages: [] };
  const report = (tests: Report["testResults"][number]["assertionResults"], message = ""): Report => ({ success: true, testResults: [{ name: path.join(ROOT, "test/laws/a.test.ts"), message, assertionResults: tests }] });

  it("is good where all went well on cuda", () => {
    expect(agreementOf(report([passed, { ...passed, status: "pending" }]))).toEqual({ agrees: true, lines: ["  1 tests passed, 1 of them on cuda; 0 failed; 1 left out."] });
  });

  it("is bad where nothing was tried on cuda", () => {
    expect(agreementOf(report([{ ...passed, fullName: "programs give the same bits on js" }])).agrees).toBe(false);
  });

  it("is bad where a test failed, and tells which and how", () => {
    const { agrees, lines } = agreementOf(report([passed, { status: "failed", fullName: "sums on cuda", failureMessages: ["\u001b[31mexpected 3\u001b[39m\nfound 4"] }]));
    expect(agrees).toBe(false);
    expect(lines).toEqual(["  1 tests passed, 1 of them on cuda; 1 failed; 0 left out.", "  FAILED: sums on cuda", "    expected 3", "    found 4"]);
  });

  it("is bad where a file could not run, and tells why", () => {
    const { agrees, lines } = agreementOf(report([passed], "no such module"));
    expect(agrees).toBe(false);
    expect(lines.slice(1)).toEqual(["  test/laws/a.test.ts could not run:", "    no such module"]);
  });
});
