/** A launch's arguments as bytes, and the captures among them. */
import { CompilerBug } from "../../../fusion/errors.js";
import type { CapturesLayout, CudaBuffer, CudaLaunch } from "../../../fusion/emit/cuda.js";
import type { ScalarType, ScalarValue } from "../../../fusion/types.js";

/** Where each buffer begins on the device; what has no bytes is nowhere. */
export type Addresses = Readonly<Record<CudaBuffer, bigint>>;

/** A captured array on the device. */
export interface Placed {
  readonly address: bigint;
  readonly length: number;
}

function putScalar(view: DataView, offset: number, type: ScalarType, value: ScalarValue): void {
  switch (type) {
    case "f64":
      return view.setFloat64(offset, value as number, true);
    case "f32":
      return view.setFloat32(offset, value as number, true);
    case "i32":
      return view.setInt32(offset, value as number, true);
    case "u32":
      return view.setUint32(offset, value as number, true);
    case "bool":
      return view.setUint8(offset, value === true ? 1 : 0);
    case "i64":
      return view.setBigInt64(offset, value as bigint, true);
    case "u64":
      return view.setBigUint64(offset, value as bigint, true);
    default:
      return type satisfies never;
  }
}

export function captureBytes(layout: CapturesLayout, scalars: readonly ScalarValue[], arrays: readonly Placed[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(layout.bytes);
  const view = new DataView(bytes.buffer);
  layout.scalars.forEach(({ type, offset }, place) => putScalar(view, offset, type, scalars[place] as ScalarValue));
  layout.arrays.forEach(({ offset }, place) => {
    const array = arrays[place];
    if (array === undefined) throw new CompilerBug("a captured array was not handed over");
    view.setBigUint64(offset, array.address, true);
    view.setBigUint64(offset + 8, BigInt(array.length), true);
  });
  return bytes;
}

/** `captures`: their bytes, or the address of device memory that holds them. */
export function parameterBytes(launch: CudaLaunch, addresses: Addresses, captures: Uint8Array | bigint): Uint8Array<ArrayBuffer> {
  const captured = typeof captures === "bigint" ? 8 : captures.length;
  const bytes = new Uint8Array(launch.arguments.reduce((sum, { kind }) => sum + (kind === "captures" ? captured : 8), 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const argument of launch.arguments) {
    switch (argument.kind) {
      case "address":
        view.setBigUint64(offset, addresses[argument.buffer] + BigInt(argument.offset), true);
        offset += 8;
        break;
      case "null":
        offset += 8;
        break;
      case "u64":
        view.setBigUint64(offset, BigInt(argument.value), true);
        offset += 8;
        break;
      case "captures":
        if (typeof captures === "bigint") view.setBigUint64(offset, captures, true);
        else bytes.set(captures, offset);
        offset += captured;
        break;
      default:
        argument satisfies never;
    }
  }
  return bytes;
}
