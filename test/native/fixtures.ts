/** Hand-written kernels for the tests of the addon: what emitted kernels do, and what they never should. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import type { KernelSignature, NativeAddon, NativeKernel } from "../../src/backends/cpu/addon.js";
import { findCompiler } from "../../src/backends/cpu/compiler.js";
import { addonCandidates, loadAddon, packageRoot } from "../../src/backends/cpu/load-addon.js";

const SOURCE = String.raw`
#include "rt/abi.hpp"
using namespace dotcompute;
#define KERNEL extern "C" Status

template <class T> Status copy(Call* call) {
  for (u64 i = 0; i < call->length; ++i) static_cast<T*>(call->output)[i] = static_cast<const T*>(call->source)[i];
  call->count = call->length;
  return Status::Done;
}
KERNEL copy1(Call* call) { return copy<u8>(call); }
KERNEL copy2(Call* call) { return copy<unsigned short>(call); }
KERNEL copy4(Call* call) { return copy<u32>(call); }
KERNEL copy8(Call* call) { return copy<u64>(call); }

KERNEL positive(Call* call) {
  const double* x = static_cast<const double*>(call->source);
  double* out = static_cast<double*>(call->output);
  u64 n = 0;
  for (u64 i = 0; i < call->length; ++i) if (x[i] > 0) out[n++] = x[i];
  call->count = n;
  return Status::Done;
}

KERNEL sum(Call* call) {
  const double* x = static_cast<const double*>(call->source);
  double s = 0;
  for (u64 i = 0; i < call->length; ++i) s += x[i];
  call->value.f64 = s;
  call->count = call->length;
  return Status::Done;
}

// The sum, but only once the first captured array's first element is not 0 any more, or the run is stopped.
KERNEL gated(Call* call) {
  const volatile double* gate = static_cast<const volatile double*>(call->arrays[0].data);
  while (*gate == 0) if (*call->stop) return Status::Stopped;
  if (call->output) return copy<u64>(call);
  return sum(call);
}

// Its first scalar, once the gate is open.
KERNEL gated_scalar(Call* call) {
  const volatile double* gate = static_cast<const volatile double*>(call->arrays[0].data);
  while (*gate == 0) if (*call->stop) return Status::Stopped;
  call->value = call->scalars[0];
  return Status::Done;
}

KERNEL forever(Call* call) {
  while (!*call->stop) {}
  return Status::Stopped;
}

// The lengths of ten arrays, each a digit.
KERNEL lengths(Call* call) {
  double s = 0;
  for (int i = 0; i < 10; ++i) s = s * 10 + double(call->arrays[i].length);
  call->value.f64 = s;
  return Status::Done;
}

KERNEL scalars(Call* call) {
  const Scalar* s = call->scalars;
  call->value.f64 = s[0].f64 + s[1].f32 + s[2].i32 + s[3].u32_ + double(s[4].i64_) + double(s[5].u64_) + s[6].i32;
  return Status::Done;
}

KERNEL last_scalar(Call* call) { call->value = call->scalars[1015]; return Status::Done; }

KERNEL report(Call* call) {
  call->count = 9007199254740991ull;
  call->position = -1;
  call->rank = 7;
  call->value.i64_ = -9007199254740993ll;
  return Status::Done;
}

KERNEL fails(Call* call) { call->position = 5; return Status::Failed; }
`;

export const root = packageRoot() as string;
export const addonFile = addonCandidates(root).find(file => existsSync(file)) ?? "";
const loaded = loadAddon(root);
const compiler = findCompiler();

/** Why the tests of the addon cannot run here; null if they can. */
export const unavailable = loaded.reason ?? compiler.reason;
export const addon = loaded.addon as NativeAddon;

const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-test-"));
export const objectFile = path.join(folder, "fixtures.so");
if (unavailable === null && compiler.found !== null) {
  const { command, args } = compiler.found;
  execFileSync(command, [...args, "-std=c++20", "-O1", "-shared", "-fPIC", "-I", path.join(root, "native"), "-o", objectFile, "-x", "c++", "-"], { input: SOURCE });
}
afterAll(() => rmSync(folder, { recursive: true, force: true }));

export const load = (symbol: string, signature: Partial<KernelSignature>): NativeKernel =>
  addon.load(objectFile, symbol, { source: null, output: null, scalars: 0, arrays: [], ...signature });

/** A gate that opens for kernels on any thread, and its array. */
export function newGate(): { readonly array: Float64Array; open(): void } {
  const array = new Float64Array(new SharedArrayBuffer(8));
  return { array, open: () => void (array[0] = 1) };
}

/** JavaScript that loads the addon in a worker or another process, as its own environment: `addon`, `load` and `signature` are there. */
export const prelude = `
  const addon = require(${JSON.stringify(addonFile)});
  const load = (symbol, signature) => addon.load(${JSON.stringify(objectFile)}, symbol, { source: null, output: null, scalars: 0, arrays: [], ...signature });
`;
