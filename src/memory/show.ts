/** Buffers in words, for explain(). */
import { ELEMENTS } from "../../fusion/types.js";
import type { BufferState } from "./buffer-states.js";
import type { Buffer } from "./buffer.js";

const WHERE: Readonly<Record<BufferState, string>> = {
  uninitialized: "nowhere yet, for nothing has been written to it",
  hostOnly: "in the host's memory",
  deviceOnly: "on the device",
  synchronized: "in the host's memory and on the device",
  hostDirty: "in the host's memory; what the device has is older",
  deviceDirty: "on the device; what the host has is older",
};

export const showBuffer = ({ storage, length }: Buffer): string => `buffer(${ELEMENTS[storage.element].array}, ${length})`;

/** Where a buffer's elements are. */
export const whereInWords = ({ state }: Buffer): string => WHERE[state];

/** As a table's column. */
export const bufferColumnInWords = (buffer: Buffer): string => `${ELEMENTS[buffer.storage.element].array} of a buffer ${whereInWords(buffer)}`;

export const bufferInWords = (buffer: Buffer): string => `the ${ELEMENTS[buffer.storage.element].array} of a buffer, ${whereInWords(buffer)}`;
