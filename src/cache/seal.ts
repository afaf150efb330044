/**
 * Compiled kernels on their way through a store that others may write to: they are run, so each is signed with the deployment's
 * secret, together with the key that it lies under and what is said of it.
 */
import { crypto } from "../builtin.js";

const FORMAT = "dotcompute kernel 1";
const SIGNATURE_BYTES = 32;
/** The lines before the content. */
const MOST_HEAD = 4096;

export type Secret = string | Uint8Array;

/** The store's key for what is called `name`: nobody without the secret can tell or choose it, and deployments that share a store do not meet. */
export const sealedKey = (secret: Secret, name: string): string => `dotcompute:${crypto().createHmac("sha256", secret).update(`key\n${name}`).digest("hex")}`;

/** Lengths keep the parts apart. */
const sign = (secret: Secret, key: string, facts: string, content: Uint8Array): Buffer =>
  crypto().createHmac("sha256", secret).update(`entry\n${FORMAT}\n${key.length}:${key}\n${facts.length}:${facts}\n`).update(content).digest();

/** A text that `unseal` takes under this key only. `facts`: one line about the content, for people. */
export function seal(secret: Secret, key: string, facts: string, content: Uint8Array): string {
  const head = [FORMAT, sign(secret, key, facts, content).toString("hex"), facts].join("\n");
  return `${head}\n${Buffer.from(content.buffer, content.byteOffset, content.length).toString("base64")}`;
}

/** The content, or why it is not to be used. `most`: how many bytes it may have. */
export function unseal(secret: Secret, key: string, text: unknown, most: number): { readonly content: Uint8Array; readonly refusal: null } | { readonly content: null; readonly refusal: string } {
  const refused = (refusal: string) => ({ content: null, refusal });
  if (typeof text !== "string") return refused("it is not a text");
  if (text.length > MOST_HEAD + Math.ceil(most / 3) * 4) return refused("it is too large");
  const [format, signature, facts, encoded, ...rest] = text.split("\n", 5);
  if (format !== FORMAT || signature === undefined || facts === undefined || encoded === undefined || rest.length > 0) return refused("it is none of this version");
  const content = Buffer.from(encoded, "base64");
  // The decoder takes more texts than the encoder gives.
  if (encoded.length !== Math.ceil(content.length / 3) * 4) return refused("it is cut off, or longer than it says");
  const given = Buffer.from(signature, "hex");
  if (given.length !== SIGNATURE_BYTES || !crypto().timingSafeEqual(given, sign(secret, key, facts, content))) return refused("its signature is not this deployment's");
  return { content, refusal: null };
}
