/** Arrays of what is computed of strings, as kernels are handed them: see fusion/texts.ts. */
import { CompilerBug } from "../../fusion/errors.js";
import type { Kernel, Origin } from "../../fusion/ir.js";
import { tableOf, TEXT, TEXT_METHODS, textElement, textMethod, type TextArgument, type TextMethodName } from "../../fusion/texts.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import type { Computed, Dictionary } from "../table/dictionary.js";
import type { StageValues } from "./bind.js";
import type { Place } from "./terminal.js";

/** Such an array among a kernel's, by its place there. */
export interface TextPlace {
  readonly place: number;
  readonly level: number;
  readonly method: TextMethodName;
  readonly args: readonly ({ readonly value: string | number } | Place)[];
}

/** `placeOf`: where a capture is. */
export function textPlaces({ arrays }: Kernel, placeOf: (origin: Origin) => Place): readonly TextPlace[] {
  const argument = (arg: TextArgument): TextPlace["args"][number] => ("text" in arg ? { value: arg.text } : "number" in arg ? { value: arg.number } : placeOf(arg));
  const places = arrays.flatMap(({ origin }, place) => {
    if (origin.stage !== TEXT) return [];
    const { method, args, level } = tableOf(origin);
    return [{ place, level, method, args: args.map(argument) }];
  });
  return [...places.filter(makesStrings).sort((one, other) => one.level - other.level), ...places.filter(text => !makesStrings(text))];
}

const makesStrings = ({ method }: Pick<TextPlace, "method">): boolean => textMethod(method).gives === "string";

/** The arrays by their places among the kernel's. One that makes strings adds them to the dictionary, and later ones have them, too. */
export function textTables(texts: readonly TextPlace[], values: StageValues, dictionary: Dictionary | null): readonly AnyTypedArray[] {
  if (dictionary === null) throw new CompilerBug("a kernel without a dictionary is asked about strings");
  const made: AnyTypedArray[] = [];
  for (const { place, method, args } of texts) {
    const given = args.map(arg => ("value" in arg ? arg.value : (values[arg.stage]?.[arg.at] as string | number)));
    made[place] = textTable(method, given, dictionary);
  }
  return made;
}

function textTable(method: TextMethodName, args: readonly (string | number)[], dictionary: Dictionary): AnyTypedArray {
  if (method === "rank") return new Int32Array(dictionary.ranks().buffer);
  const of = TEXT_METHODS[method].of as (text: string, ...args: readonly (string | number)[]) => boolean | number | string;
  const element = textElement(method);
  if (makesStrings({ method })) return dictionary.codesFor(text => of(text, ...args) as string);
  const key = [method, ...args.map(arg => (typeof arg === "string" ? JSON.stringify(arg) : String(arg)))].join(" ");
  return dictionary.computed(key, size => newArray(element, size) as Computed, text => Number(of(text, ...args)));
}
