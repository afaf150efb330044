/** Pictures as PNG files, 8 bits a channel: written from planes of pixels, and read into them. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { crc32, deflateSync, inflateSync } from "node:zlib";

/** Channels of one length, row behind row from the top: one is grey, three are red, green and blue, a fourth is how opaque a pixel is. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly planes: readonly Uint8Array[];
}

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
/** What a PNG calls so many channels. */
const COLOUR_TYPES: Readonly<Record<number, number>> = { 1: 0, 2: 4, 3: 2, 4: 6 };

/** Writes a file below `build/`; gives its path. */
export function writePng(name: string, { width, height, planes }: Picture): string {
  const stride = width * planes.length + 1;
  const rows = Buffer.alloc(height * stride);
  planes.forEach((plane, channel) => {
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rows[y * stride + 1 + x * planes.length + channel] = plane[y * width + x] as number;
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, COLOUR_TYPES[planes.length] as number], 8);
  const file = path.resolve("build", "pictures", name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat([SIGNATURE, chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]));
  return file;
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}

/** Reads a file that is neither interlaced nor has a palette. */
export function readPng(file: string): Picture {
  const bytes = readFileSync(file);
  const parts: Buffer[] = [];
  let header = Buffer.alloc(0);
  for (let at = SIGNATURE.length; at < bytes.length; at += bytes.readUInt32BE(at) + 12) {
    const [type, data] = [bytes.toString("latin1", at + 4, at + 8), bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at))];
    if (type === "IHDR") header = data;
    if (type === "IDAT") parts.push(data);
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, colours, , , interlaced] = header.subarray(8);
  const channels = [1, 2, 3, 4].find(count => COLOUR_TYPES[count] === colours);
  if (depth !== 8 || channels === undefined || interlaced !== 0) throw new Error(`${file} is of a kind of PNG that is not read here`);
  const rows = inflateSync(Buffer.concat(parts));
  unfilter(rows, height, width * channels + 1, channels);
  const planes = Array.from({ length: channels }, (_, channel) => Uint8Array.from({ length: width * height }, (_pixel, i) => rows[i * channels + channel + Math.floor(i / width) + 1] as number));
  return { width, height, planes };
}

/** Each byte is stored as its difference from what those before and above it foretell; the first byte of a row says how. */
function unfilter(rows: Buffer, height: number, stride: number, channels: number): void {
  for (let y = 0; y < height; y++) {
    const filter = rows[y * stride];
    for (let at = y * stride + 1; at < (y + 1) * stride; at++) {
      const inside = at - y * stride > channels;
      const left = inside ? (rows[at - channels] as number) : 0;
      const above = y > 0 ? (rows[at - stride] as number) : 0;
      const corner = inside && y > 0 ? (rows[at - stride - channels] as number) : 0;
      const foretold = [0, left, above, (left + above) >> 1, nearest(left, above, corner)][filter as number] as number;
      rows[at] = (rows[at] as number) + foretold;
    }
  }
}

/** Paeth's choice. */
function nearest(left: number, above: number, corner: number): number {
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}
