/** Hashes that name what is kept, and tell whether it is whole. */
import { ownAddon } from "../backends/cpu/load-addon.js";
import { crypto } from "../builtin.js";

/** SHA-256 of bytes or of a text's UTF-8, in hexadecimal: by the addon where there is one, which spares a process the loading of node:crypto. */
export const sha256 = (data: string | Uint8Array): string => ownAddon().addon?.sha256(data) ?? crypto().createHash("sha256").update(data).digest("hex");
