/** The public types of buffers: every `@ts-expect-error` must be an error, and everything else must compile. Nothing here runs. */
import { buffer, compute, createRuntime, type Buffer, type BufferState, type HostView, type Query, type Rows } from "../../src/index.js";
import { expectType } from "./expect.js";

export async function buffers(samples: Float32Array, ids: BigInt64Array): Promise<void> {
  using readings = buffer(samples);
  expectType<Buffer<Float32Array>>()(buffer(samples, { runtime: createRuntime() }));
  expectType<Buffer<Int16Array>>()(buffer(Int16Array, 10));
  expectType<Buffer<BigInt64Array>>()(createRuntime().buffer(ids));
  expectType<Buffer<Uint8Array>>()(createRuntime().buffer(Uint8Array, 1));
  expectType<Query<Float32Array>>()(compute(readings));
  expectType<bigint>()(compute(buffer(ids)).sum().value());
  expectType<Buffer<Float32Array>>()(compute(readings).map(x => x * 2).toBuffer());
  expectType<Buffer<Float64Array>>()(await compute(readings).map(x => x * 2, Float64Array).toBufferAsync({ signal: AbortSignal.timeout(1) }));
  expectType<Buffer<Float32Array>>()(compute(samples).toBuffer({ into: readings }));
  expectType<Rows<{ readonly x: Float32Array; readonly id: BigInt64Array }>>()(compute({ x: readings, id: ids }));
  expectType<HostView<Float32Array>>()(readings.host());
  expectType<number>()(readings.host().reduce((a, x) => a + x, 0));
  expectType<number | undefined>()(readings.edit(x => x.fill(1)[0]));
  expectType<BufferState>()(readings.state);
  expectType<Float32Array>()(readings.slice(1).toArray());
  await using kept = readings.slice(-2);
  expectType<number>()(kept.length);
  // @ts-expect-error the view is only read
  readings.host()[0] = 1;
  // @ts-expect-error the view is only read
  readings.host().fill(1);
  // @ts-expect-error arrays have their length
  buffer(samples, 3);
  // @ts-expect-error a constructor needs a length
  buffer(Float32Array);
  // @ts-expect-error the results are of another type
  compute(samples).as(Float64Array).toBuffer({ into: readings });
  // @ts-expect-error strings are in no buffer
  compute(["a"]).toBuffer();
  // @ts-expect-error it writes what it holds
  readings.write(ids);
}
