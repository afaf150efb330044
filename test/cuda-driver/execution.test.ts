/** Lanes, warps, blocks and memory of the stand-in driver. */
import { expect, it } from "vitest";
import { DriverError, u32, u64 } from "./driver.js";
import { kernel, module, suite } from "./suite.js";

const LANES = Array.from({ length: 32 }, (_, lane) => lane);
const ILLEGAL_ADDRESS = 700;
const TIMEOUT = 702;
const MISALIGNED = 716;
const LAUNCH_FAILED = 719;

/** Stores %r9 at the thread's place of the first parameter. */
const STORE = "add.s64 %rd10, %rd0, %rd21; st.global.u32 [%rd10], %r9;";

suite("execution by the stand-in driver", driver => {
  const lanes = (body: string, settings = {}, block = 32): number[] => {
    driver.fresh(settings);
    const out = new Uint32Array(block);
    driver.launch(kernel(1, body + STORE), "k", { block }, out);
    return [...out];
  };
  const faultOf = (run: () => void): { result: number; words: string } => {
    try {
      run();
    } catch (error) {
      if (error instanceof DriverError) return { result: error.result, words: driver.lastFault() };
      throw error;
    }
    return { result: 0, words: "" };
  };

  it("lanes that took different ways meet again", () => {
    const body = `
      and.b32 %r1, %r0, 1; setp.eq.u32 %p1, %r1, 0;
      @%p1 bra EVEN;
      mov.u32 %r2, 100; bra MEET;
    EVEN: mov.u32 %r2, 200;
    MEET: activemask.b32 %r3; setp.eq.u32 %p2, %r3, 0xffffffff; selp.u32 %r9, %r2, 0, %p2;`;
    expect(lanes(body)).toEqual(LANES.map(lane => (lane % 2 ? 100 : 200)));
  });

  it("each lane leaves a loop by itself", () => {
    const body = `
      mov.u32 %r1, 0; mov.u32 %r9, 0;
    LOOP: setp.ge.u32 %p1, %r1, %r0; @%p1 bra DONE;
      add.u32 %r9, %r9, %r1; add.u32 %r1, %r1, 1; bra LOOP;
    DONE:`;
    expect(lanes(body)).toEqual(LANES.map(lane => (lane * (lane + 1)) / 2 - lane));
    expect(lanes(body, { random: 1, seed: 3 })).toEqual(LANES.map(lane => (lane * (lane + 1)) / 2 - lane));
  });

  it("branches by a table", () => {
    const body = `
      rem.u32 %r1, %r0, 3;
    TABLE: .branchtargets A, B, C;
      brx.idx %r1, TABLE;
    A: mov.u32 %r9, 10; bra MEET;
    B: mov.u32 %r9, 20; bra MEET;
    C: mov.u32 %r9, 30;
    MEET:`;
    expect(lanes(body)).toEqual(LANES.map(lane => [10, 20, 30][lane % 3]));
  });

  it.each([
    ["up", "shfl.sync.up.b32 %r9|%p1, %r0, 3, 0, 0xffffffff;", (lane: number) => (lane < 3 ? lane : lane - 3)],
    ["down", "shfl.sync.down.b32 %r9|%p1, %r0, 3, 31, 0xffffffff;", (lane: number) => (lane > 28 ? lane : lane + 3)],
    ["bfly", "shfl.sync.bfly.b32 %r9, %r0, 5, 31, -1;", (lane: number) => lane ^ 5],
    ["idx", "shfl.sync.idx.b32 %r9, %r0, 7, 31, -1;", () => 7],
    ["idx in halves", "shfl.sync.idx.b32 %r9, %r0, 7, 0x101f, -1;", (lane: number) => (lane & 16) | 7],
    ["down in quarters", "shfl.sync.down.b32 %r9, %r0, 3, 0x181f, -1;", (lane: number) => ((lane & 7) > 4 ? lane : lane + 3)],
    ["ballot", "and.b32 %r1, %r0, 4; setp.eq.u32 %p1, %r1, 4; vote.sync.ballot.b32 %r9, %p1, -1;", () => 0xf0f0f0f0],
    ["ballot of not", "and.b32 %r1, %r0, 4; setp.eq.u32 %p1, %r1, 4; vote.sync.ballot.b32 %r9, !%p1, -1;", () => 0x0f0f0f0f],
    ["any", "setp.eq.u32 %p1, %r0, 4; vote.sync.any.pred %p2, %p1, -1; selp.u32 %r9, 1, 0, %p2;", () => 1],
    ["all", "setp.eq.u32 %p1, %r0, 4; vote.sync.all.pred %p2, %p1, -1; selp.u32 %r9, 1, 0, %p2;", () => 0],
    ["match.any", "and.b32 %r1, %r0, 3; match.any.sync.b32 %r9, %r1, -1;", (lane: number) => (0x11111111 << (lane & 3)) >>> 0],
    ["match.all", "mov.u32 %r1, 9; match.all.sync.b32 %r9|%p1, %r1, -1;", () => 0xffffffff],
    ["redux.add", "redux.sync.add.u32 %r9, %r0, -1;", () => 496],
    ["redux.max", "redux.sync.max.s32 %r9, %r0, -1;", () => 31],
    ["elect", "elect.sync %r9|%p1, -1;", () => 0],
    ["lane masks", "mov.u32 %r9, %lanemask_lt;", (lane: number) => 2 ** lane - 1],
  ])("%s", (_, body, is) => {
    for (const settings of [{}, { random: 1, seed: 1 }, { random: 1, seed: 2 }]) expect(lanes(body, settings)).toEqual(LANES.map(is));
  });

  it("a .sync operation waits for the lanes of its mask, wherever they are", () => {
    const body = `
      setp.lt.u32 %p1, %r0, 16;
      @%p1 bra LOW;
      shfl.sync.bfly.b32 %r9, %r0, 1, 31, 0xffff0000; bra MEET;
    LOW: shfl.sync.bfly.b32 %r9, %r0, 2, 31, 0x0000ffff;
    MEET: bar.warp.sync -1;`;
    expect(lanes(body)).toEqual(LANES.map(lane => (lane < 16 ? lane ^ 2 : lane ^ 1)));
  });

  it("an operation that leaves its own lane out is an error", () => {
    expect(faultOf(() => lanes("shfl.sync.bfly.b32 %r9, %r0, 1, 31, 0xffff;"))).toMatchObject({ result: LAUNCH_FAILED, words: expect.stringMatching(/leaves it out[^]*thread \(16, 0, 0\)/) });
  });

  it("lanes that wait for one that never comes are an error, not a hang", () => {
    const body = "setp.eq.u32 %p1, %r0, 5; @%p1 bra SKIP; bar.warp.sync -1; SKIP: bar.sync 0; mov.u32 %r9, 1;";
    expect(faultOf(() => lanes(body))).toMatchObject({ result: LAUNCH_FAILED, words: expect.stringContaining("every thread waits for another one") });
  });

  it("barriers reduce", () => {
    const body = "and.b32 %r1, %r0, 3; setp.eq.u32 %p1, %r1, 1; barrier.cta.red.popc.aligned.u32 %r9, 0, %p1;";
    expect(lanes(body, { random: 1 }, 128)).toEqual(Array<number>(128).fill(32));
  });

  it("lanes that exit do not hold up a barrier", () => {
    const out = lanes("setp.ge.u32 %p1, %r0, 40; mov.u32 %r9, 1; @%p1 exit; bar.sync 0;", {}, 64);
    expect(out).toEqual(Array.from({ length: 64 }, (_, thread) => (thread < 40 ? 1 : 0)));
  });

  it("calls functions, also recursively", () => {
    driver.fresh();
    const text = module(`
.func (.param .b32 result) factorial(.param .b32 n)
{
  .reg .pred %p<2>; .reg .b32 %r<5>;
  ld.param.u32 %r1, [n];
  setp.gt.u32 %p1, %r1, 1;
  mov.u32 %r3, 1;
  @!%p1 bra DONE;
  sub.u32 %r2, %r1, 1;
  {
    .param .b32 param0; .param .b32 retval0;
    st.param.b32 [param0+0], %r2;
    call.uni (retval0), factorial, (param0);
    ld.param.b32 %r3, [retval0+0];
  }
  mul.lo.u32 %r3, %r3, %r1;
DONE: st.param.b32 [result+0], %r3;
  ret;
}
.visible .entry k(.param .u64 out)
{
  .reg .b32 %r<5>; .reg .b64 %rd<5>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %tid.x;
  and.b32 %r2, %r1, 7;
  {
    .param .b32 param0; .param .b32 retval0;
    st.param.b32 [param0+0], %r2;
    call.uni (retval0), factorial, (param0);
    ld.param.b32 %r3, [retval0+0];
  }
  mul.wide.u32 %rd2, %r1, 4; add.s64 %rd2, %rd1, %rd2;
  st.global.u32 [%rd2], %r3;
}`);
    const out = new Uint32Array(32);
    driver.launch(text, "k", { block: 32 }, out);
    expect([...out]).toEqual(LANES.map(lane => [1, 1, 2, 6, 24, 120, 720, 5040][lane & 7]));
  });

  it("shared memory: of a fixed size, of the launch's size, through generic addresses", () => {
    driver.fresh();
    const declarations = ".shared .align 8 .b8 fixed[128];\n.extern .shared .align 16 .b8 dynamic[];";
    const body = `
      shl.b32 %r1, %r0, 2; mov.u32 %r2, fixed; add.u32 %r3, %r2, %r1; st.shared.u32 [%r3], %r0;
      mov.u32 %r4, dynamic; add.u32 %r5, %r4, %r1; mul.lo.u32 %r6, %r0, 3; st.shared.u32 [%r5], %r6;
      bar.sync 0;
      xor.b32 %r7, %r1, 124; add.u32 %r8, %r2, %r7; ld.shared.u32 %r10, [%r8];
      cvt.u64.u32 %rd5, %r4; cvta.shared.u64 %rd6, %rd5; cvt.u64.u32 %rd7, %r7; add.s64 %rd6, %rd6, %rd7; ld.u32 %r11, [%rd6];
      add.u32 %r9, %r10, %r11;` + STORE;
    const out = new Uint32Array(32);
    driver.launch(kernel(1, body, declarations), "k", { block: 32, shared: 128 }, out);
    expect([...out]).toEqual(LANES.map(lane => 4 * (31 - lane)));
  });

  it("module variables have their initial values, and constants too", () => {
    driver.fresh();
    const declarations = ".const .align 4 .u32 table[3] = {7, 8, 9};\n.global .align 8 .b8 bytes[8] = {1, 0, 0, 0, 2, 0, 0, 0};\n.global .u64 where = bytes;";
    const body = "ld.const.u32 %r1, [table+4]; ld.global.u64 %rd5, [where]; ld.u32 %r2, [%rd5+4]; add.u32 %r9, %r1, %r2;";
    const out = new Uint32Array(32);
    driver.launch(kernel(1, body + STORE, declarations), "k", { block: 32 }, out);
    expect(out[3]).toBe(10);
  });

  it("atomic operations of all lanes add up, also in shared memory", () => {
    driver.fresh({ random: 1 });
    const total = new Uint32Array([5, 0]);
    const seen = new Uint32Array(256);
    const body = "atom.global.add.u32 %r1, [%rd0], 1; sub.u32 %r1, %r1, 5; mul.wide.u32 %rd5, %r1, 4; add.s64 %rd5, %rd1, %rd5; st.global.u32 [%rd5], 1; red.global.max.u32 [%rd0+4], %r0;";
    driver.launch(kernel(2, body), "k", { grid: 4, block: 64 }, total, seen);
    expect([...total]).toEqual([261, 255]);
    expect([...seen]).toEqual(Array<number>(256).fill(1));
  });

  it("compare-and-swap: a lock that lanes of one warp take in turn", () => {
    driver.fresh();
    const state = new Uint32Array([0, 0]);
    const body = `
    AGAIN: atom.global.cas.b32 %r1, [%rd0], 0, 1;
      setp.ne.u32 %p1, %r1, 0; @%p1 bra AGAIN;
      ld.volatile.global.u32 %r2, [%rd0+4]; add.u32 %r2, %r2, 1; st.volatile.global.u32 [%rd0+4], %r2;
      membar.gl; atom.global.exch.b32 %r3, [%rd0], 0;`;
    driver.launch(kernel(1, body), "k", { grid: 3, block: 64 }, state);
    expect([...state]).toEqual([0, 192]);
  });

  /** Block n waits for what block n - 1 publishes; the blocks take numbers as they start. */
  const LOOK_BACK = `
      setp.ne.u32 %p1, %r32, 0; @%p1 bra END;
      atom.global.add.u32 %r1, [%rd0], 1;
      mul.wide.u32 %rd5, %r1, 4; add.s64 %rd5, %rd1, %rd5;
      mov.u32 %r2, 0; setp.eq.u32 %p2, %r1, 0; @%p2 bra HAVE;
    SPIN: ld.acquire.gpu.global.u32 %r2, [%rd5-4]; setp.eq.u32 %p3, %r2, 0; @%p3 bra SPIN;
    HAVE: add.u32 %r2, %r2, 2; st.release.gpu.global.u32 [%rd5], %r2;
    END:`;

  it.each([{}, { residentBlocks: 1 }, { random: 1, seed: 1 }, { random: 1, seed: 2 }, { random: 1, seed: 3 }])("decoupled look-back ends (%o)", settings => {
    driver.fresh(settings);
    const out = new Uint32Array(100);
    driver.launch(kernel(2, LOOK_BACK), "k", { grid: 100, block: 64 }, new Uint32Array(1), out);
    expect([...out]).toEqual(Array.from({ length: 100 }, (_, block) => 2 * (block + 1)));
  });

  it("an endless loop ends at the limit", () => {
    driver.fresh({ spinLimit: 10_000 });
    const fault = faultOf(() => driver.launch(kernel(0, "LOOP: bra LOOP;"), "k", { block: 32 }));
    expect(fault).toMatchObject({ result: TIMEOUT, words: expect.stringMatching(/10000 instructions[^]*PTX line \d+: bra/) });
  });

  /** Sums a block's numbers in shared memory; without the barriers, warps read what others have not written. */
  const reduction = (barrier: string): string => kernel(2, `
      shl.b32 %r1, %r0, 2; mov.u32 %r2, sums; add.u32 %r3, %r2, %r1;
      add.s64 %rd10, %rd0, %rd21; ld.global.u32 %r4, [%rd10]; st.shared.u32 [%r3], %r4;
      ${barrier}
      mov.u32 %r5, 64;
    LOOP: setp.ge.u32 %p1, %r0, %r5; @%p1 bra SKIP;
      shl.b32 %r6, %r5, 2; add.u32 %r7, %r3, %r6; ld.shared.u32 %r8, [%r7]; ld.shared.u32 %r4, [%r3]; add.u32 %r4, %r4, %r8; st.shared.u32 [%r3], %r4;
    SKIP: ${barrier}
      shr.u32 %r5, %r5, 1; setp.ne.u32 %p2, %r5, 0; @%p2 bra LOOP;
      setp.ne.u32 %p3, %r0, 0; @%p3 bra END; ld.shared.u32 %r9, [%r2]; st.global.u32 [%rd1], %r9;
    END:`, ".shared .align 4 .b8 sums[512];");

  const sumOf = (text: string, settings: Record<string, number>): number | undefined => {
    driver.fresh(settings);
    const out = new Uint32Array(1);
    driver.launch(text, "k", { block: 128 }, Uint32Array.from({ length: 128 }, (_, at) => at), out);
    return out[0];
  };

  it("some schedule finds a missing barrier, and none finds fault with a right kernel", () => {
    const schedules = [{}, ...Array.from({ length: 10 }, (_, seed) => ({ random: 1, seed }))];
    expect(schedules.map(settings => sumOf(reduction("bar.sync 0;"), settings))).toEqual(schedules.map(() => 8128));
    expect(schedules.some(settings => sumOf(reduction(""), settings) !== 8128)).toBe(true);
  });

  it("some schedule finds a missing __syncwarp", () => {
    const exchange = (sync: string): string => kernel(1, `
      shl.b32 %r1, %r0, 2; mov.u32 %r2, sums; add.u32 %r3, %r2, %r1; st.shared.u32 [%r3], %r0;
      ${sync}
      xor.b32 %r4, %r1, 124; add.u32 %r5, %r2, %r4; ld.shared.u32 %r9, [%r5];` + STORE, ".shared .align 4 .b8 sums[128];");
    const wrong = (text: string): number => Array.from({ length: 20 }, (_, seed) => {
      driver.fresh({ random: 1, seed });
      const out = new Uint32Array(32);
      driver.launch(text, "k", { block: 32 }, out);
      return out.some((value, lane) => value !== 31 - lane);
    }).filter(Boolean).length;
    expect(wrong(exchange("bar.warp.sync -1;"))).toBe(0);
    expect(wrong(exchange(""))).toBeGreaterThan(0);
  });

  it("an access outside of an allocation names line, block and thread, and stays the context's error", () => {
    driver.fresh();
    const body = `mov.u32 %r9, 1;\n${STORE}`;
    const fault = faultOf(() => driver.launch(kernel(1, body), "k", { grid: 3, block: 32 }, new Uint32Array(70)));
    expect(fault.result).toBe(ILLEGAL_ADDRESS);
    expect(fault.words).toMatch(/out-of-bounds write of 4 bytes at 0x[0-9a-f]+: byte 280 of an allocation of 280 bytes[^]*kernel k, PTX line \d+: st\.global\.u32[^]*block \(2, 0, 0\), thread \(6, 0, 0\)/);
    expect(driver.result("cuMemAlloc_v2", new BigUint64Array(1), 4)).toBe(ILLEGAL_ADDRESS);
    expect(driver.result("cuCtxSynchronize")).toBe(ILLEGAL_ADDRESS);
  });

  it.each([
    ["a misaligned access", "add.s64 %rd10, %rd0, 2; ld.global.u32 %r9, [%rd10];", MISALIGNED],
    ["an address that was never one", "mov.u64 %rd10, 64; ld.global.u32 %r9, [%rd10];", ILLEGAL_ADDRESS],
    ["shared memory beyond the block's", "mov.u32 %r1, 64; ld.shared.u32 %r9, [%r1];", ILLEGAL_ADDRESS],
    ["local memory beyond the thread's", "mov.u64 %rd5, 64; ld.local.u32 %r9, [%rd5];", ILLEGAL_ADDRESS],
    ["a trap", "trap;", 715],
  ])("%s is found", (_, body, result) => {
    driver.fresh();
    expect(faultOf(() => driver.launch(kernel(1, body), "k", { block: 32 }, new Uint32Array(32))).result).toBe(result);
  });

  it("memory that was freed is not there", () => {
    driver.fresh();
    const gone = driver.get("cuMemAlloc_v2", 64);
    driver.call("cuMemFree_v2", gone);
    expect(faultOf(() => driver.launch(kernel(1, "ld.global.u32 %r9, [%rd0];"), "k", { block: 32 }, u64(gone))).result).toBe(ILLEGAL_ADDRESS);
  });

  it("counts what kernels load and store", () => {
    driver.fresh();
    const body = "add.s64 %rd10, %rd0, %rd21; ld.global.u32 %r9, [%rd10]; add.s64 %rd11, %rd1, %rd20; st.global.v2.u32 [%rd11], {%r9, %r9};";
    driver.launch(kernel(2, body), "k", { grid: 2, block: 64 }, new Uint32Array(128), new Uint32Array(256));
    expect(driver.counters()).toMatchObject({
      loads: { elements: 128, bytes: 512, transactions: 16 },
      stores: { elements: 256, bytes: 1024, transactions: 32 },
      launches: 1,
      aliveAllocations: 0,
    });
  });

  it.each([
    ["an opcode", "frobnicate.u32 %r1, %r2;", /frobnicate\.u32 is not known/],
    ["a modifier", "add.rn.ftz.f32 %f1, %f2, %f3;", /add\.rn\.ftz\.f32: modifier \.ftz is not known/],
    ["an approximation", "div.approx.f32 %f1, %f2, %f3;", /div\.approx\.f32/],
    ["a type", "add.f16 %r1, %r1, %r2;", /add\.f16/],
    ["a register of another width", "add.u32 %r1, %r2, %rd3;", /register %rd3 is \.b64, which does not fit \.u32/],
    ["a label", "bra NOWHERE;", /label "NOWHERE" is not known/],
    ["a variable", "ld.global.u32 %r1, [nothing];", /variable nothing is not known/],
  ])("%s that is not known is an error of the module, in its log", (_, body, words) => {
    driver.fresh();
    const log = new Uint8Array(256);
    const options = new BigUint64Array([driver.address(log), 256n]);
    const result = driver.result("cuModuleLoadDataEx", new BigUint64Array(1), kernel(0, body), 2, new Int32Array([5, 6]), options);
    expect(result).toBe(218);
    expect(Buffer.from(log).toString()).toMatch(words);
    expect(Buffer.from(log).toString()).toMatch(/PTX interpreter \(test\): line \d+/);
  });

  it("takes values as arguments, in the order of the parameters", () => {
    driver.fresh();
    const text = module(".visible .entry k(.param .u32 a, .param .u64 b, .param .u32 c) { .reg .b32 %r<4>; .reg .b64 %rd<4>; ld.param.u32 %r1, [a]; ld.param.u64 %rd1, [b]; ld.param.u32 %r2, [c]; add.u32 %r3, %r1, %r2; st.global.u32 [%rd1], %r3; ret; }");
    const out = new Uint32Array(1);
    driver.launch(text, "k", { block: 1 }, u32(40), out, u32(2));
    expect(out[0]).toBe(42);
  });
});
