/** Windows: a parameter that stands for so many neighbours of an element. It is no array: each neighbour is a variable, and its place is written out. */
import type { ArrayPattern, Expression, MemberExpression, Node } from "acorn";
import { LambdaError } from "../errors.js";
import type { Names } from "./names.js";
import type { Scope, WindowBinding } from "./scope.js";
import type { Span, SurfaceExpr } from "./surface.js";

/** A parameter that stands for a window of this many elements. */
export interface WindowParameter {
  readonly window: number;
}

/** The window that a parameter stands for; `read` collects the variables of the places that are read. */
export function windowOf({ window }: WindowParameter, read: Map<string, string>, names: Names, constants: Set<string>): WindowBinding {
  return {
    kind: "window",
    length: window,
    variable: place => {
      const key = String(place);
      let name = read.get(key);
      if (name === undefined) {
        read.set(key, (name = names.unique(`at_${key}`)));
        constants.add(name);
      }
      return name;
    },
  };
}

/** `w[0]`, and `w.length`; `name` is how the lambda calls the window. */
export function neighbour(window: WindowBinding, node: MemberExpression, name: string, scope: Scope): SurfaceExpr {
  const span = scope.span(node);
  const { property, computed } = node;
  if (!computed && property.type === "Identifier" && property.name === "length") return { kind: "literal", value: window.length, span };
  const place = computed ? placeOf(property as Expression) : null;
  if (place === null) {
    throw new LambdaError("DC111", `a place in the window ${name} is not written out as a number`, scope.span(property), `Write ${name}[0] to ${name}[${window.length - 1}], or name the elements, ([a, b]) => …; for all of them there are .sum(), .average(), .min() and .max()`);
  }
  return at(window, place, span, name);
}

/** The names that `[a, , c]` gives to the elements of a window become known in the scope. */
export function takeWindowApart(pattern: ArrayPattern, window: WindowBinding, scope: Scope, named: (name: string, value: SurfaceExpr, node: Node) => void, refused: (node: Node) => LambdaError): void {
  for (const [place, element] of pattern.elements.entries()) {
    if (element === null) continue;
    if (element.type === "RestElement") throw new LambdaError("DC102", "what is left of a window cannot be collected", scope.span(element), "Name the elements that are used, or take the window itself: w => w[0]");
    if (element.type !== "Identifier") throw refused(element);
    named(element.name, at(window, place, scope.span(element), "the window"), element);
  }
}

function at(window: WindowBinding, place: number, span: Span, name: string): SurfaceExpr {
  if (!Number.isInteger(place) || place < 0 || place >= window.length) {
    throw new LambdaError("DC111", `${name} has no element ${place}: it has ${window.length === 1 ? "one" : `${window.length}, 0 to ${window.length - 1}`}`, span, "Make the window larger, or read one of these");
  }
  return { kind: "variable", name: window.variable(place), span };
}

/** A number as it stands in the text. */
function placeOf(node: Expression): number | null {
  if (node.type === "Literal" && typeof node.value === "number") return node.value;
  if (node.type !== "UnaryExpression" || node.operator !== "-") return null;
  const place = placeOf(node.argument);
  return place === null ? null : -place;
}
