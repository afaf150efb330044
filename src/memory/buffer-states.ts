/** Which of a buffer's two copies are current, and what an access has to transfer first: a table, and nothing else. */

export type BufferState =
  /** Nothing has been written: its elements are zeros, and lie nowhere yet. */
  | "uninitialized"
  /** The host has the elements, a device has none. */
  | "hostOnly"
  /** A device has the elements, the host has none. */
  | "deviceOnly"
  /** Both have the same. */
  | "synchronized"
  /** Both have elements, and those of the host are newer. */
  | "hostDirty"
  /** Both have elements, and those of the device are newer. */
  | "deviceDirty";

export type Access =
  | "readHost"
  /** Some elements are written, or all are read first. */
  | "writeHost"
  /** All elements are written, whatever they were. */
  | "fillHost"
  | "readDevice"
  | "writeDevice"
  | "fillDevice"
  /** The device's copy is given up, or lost. */
  | "dropDevice";

export type Transfer =
  /** The host's elements become zeros. */
  | "zeros"
  | "up"
  | "down";

export interface Transition {
  readonly before: readonly Transfer[];
  readonly to: BufferState;
}

/** Null: the only current copy is lost. */
export type Transitions = Readonly<Record<BufferState, Readonly<Record<Access, Transition | null>>>>;

const to = (state: BufferState, ...before: readonly Transfer[]): Transition => ({ to: state, before });

export const TRANSITIONS: Transitions = {
  uninitialized: {
    readHost: to("hostOnly", "zeros"),
    writeHost: to("hostOnly", "zeros"),
    fillHost: to("hostOnly"),
    readDevice: to("synchronized", "zeros", "up"),
    writeDevice: to("deviceDirty", "zeros", "up"),
    fillDevice: to("deviceOnly"),
    dropDevice: to("uninitialized"),
  },
  hostOnly: {
    readHost: to("hostOnly"),
    writeHost: to("hostOnly"),
    fillHost: to("hostOnly"),
    readDevice: to("synchronized", "up"),
    writeDevice: to("deviceDirty", "up"),
    fillDevice: to("deviceDirty"),
    dropDevice: to("hostOnly"),
  },
  deviceOnly: {
    readHost: to("synchronized", "down"),
    writeHost: to("hostDirty", "down"),
    fillHost: to("hostDirty"),
    readDevice: to("deviceOnly"),
    writeDevice: to("deviceOnly"),
    fillDevice: to("deviceOnly"),
    dropDevice: null,
  },
  synchronized: {
    readHost: to("synchronized"),
    writeHost: to("hostDirty"),
    fillHost: to("hostDirty"),
    readDevice: to("synchronized"),
    writeDevice: to("deviceDirty"),
    fillDevice: to("deviceDirty"),
    dropDevice: to("hostOnly"),
  },
  hostDirty: {
    readHost: to("hostDirty"),
    writeHost: to("hostDirty"),
    fillHost: to("hostDirty"),
    readDevice: to("synchronized", "up"),
    writeDevice: to("deviceDirty", "up"),
    fillDevice: to("deviceDirty"),
    dropDevice: to("hostOnly"),
  },
  deviceDirty: {
    readHost: to("synchronized", "down"),
    writeHost: to("hostDirty", "down"),
    fillHost: to("hostDirty"),
    readDevice: to("deviceDirty"),
    writeDevice: to("deviceDirty"),
    fillDevice: to("deviceDirty"),
    dropDevice: null,
  },
};

/** Whether the host's copy is the one to read. */
export const isHostCurrent = (state: BufferState): boolean => TRANSITIONS[state].readHost?.before.length === 0;

/** Whether the device's copy is. */
export const isDeviceCurrent = (state: BufferState): boolean => TRANSITIONS[state].readDevice?.before.length === 0;
