/** What the tests of the stand-in driver share: the driver itself, and PTX around a few instructions. */
import { describe } from "vitest";
import { testDriver, type TestDriver } from "./driver.js";

const built = testDriver();

/** Tests of the stand-in; visibly skipped, with the reason, where it can't be built. */
export function suite(name: string, tests: (driver: TestDriver) => void): void {
  if (built.driver === null) describe.skip(`${name} (${built.reason})`, () => tests(null as unknown as TestDriver));
  else {
    const { driver } = built;
    describe(name, () => tests(driver));
  }
}

const HEADER = ".version 7.0\n.target sm_75\n.address_size 64\n";

export const module = (text: string): string => HEADER + text;

/** Registers of every kind, and in %rd0 … the parameters, in %r0 the thread's number in the grid, in %rd20 it times 8. */
export const kernel = (parameters: number, body: string, declarations = ""): string => {
  const names = Array.from({ length: parameters }, (_, at) => `p${at}`);
  return module(`${declarations}
.visible .entry k(${names.map(name => `.param .u64 ${name}`).join(", ")})
{
  .reg .pred %p<9>;
  .reg .b16 %rs<9>;
  .reg .b32 %r<40>;
  .reg .b32 %f<9>;
  .reg .b64 %rd<40>;
  .reg .b64 %fd<9>;
${names.map((name, at) => `  ld.param.u64 %rd${at}, [${name}];`).join("\n")}
  mov.u32 %r30, %ctaid.x;
  mov.u32 %r31, %ntid.x;
  mov.u32 %r32, %tid.x;
  mad.lo.u32 %r0, %r30, %r31, %r32;
  mul.wide.u32 %rd20, %r0, 8;
  mul.wide.u32 %rd21, %r0, 4;
${body}
  ret;
}
`);
};
