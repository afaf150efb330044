/** What a kernel cannot hold, one row each: the code, what is wrong, and what to write instead. */
import type { ErrorCode } from "../errors.js";

export interface Refusal {
  readonly code: ErrorCode;
  readonly what: string;
  readonly remedy: string;
}

const syntax = (what: string, remedy: string): Refusal => ({ code: "DC102", what, remedy });
const call = (what: string, remedy: string): Refusal => ({ code: "DC106", what, remedy });

const NO_EXPRESSIONS = 'Ask a string for .startsWith("A"), .endsWith("A") or .includes("A"), or compute what the expression finds beforehand';
const STRINGS_ONLY = 'Strings are put together by +, r.carrier + "x", and `${r.carrier}x`: compute others beforehand';

/** Kinds of syntax nodes. */
export const NODES: Readonly<Record<string, Refusal>> = {
  ThisExpression: syntax("a kernel has no `this`", "Hand the value over by name, { k: this.k }, and write k"),
  Super: syntax("a kernel has no `super`", "Hand the value over by name, { k: super.k }, and write k"),
  ArrayExpression: syntax("a kernel cannot build arrays", "Hand a typed array over by name, { lut }, and read lut[x]; give several values as a row, r => ({ a: r.a, b: r.b })"),
  ObjectExpression: syntax("a kernel cannot build objects", "An object may only be the whole result of a map, and gives rows: x => ({ x, square: x * x })"),
  ObjectPattern: syntax("destructuring takes rows apart, and this is none", "Elements of a single array are numbers: take the element itself, x => x * 2"),
  ArrayPattern: syntax("destructuring takes arrays apart, and elements are numbers", "Take the element itself, x => x * 2, and declare one variable each"),
  AssignmentPattern: syntax("a parameter cannot have a default value", "Every parameter is always given: leave the default away"),
  RestElement: syntax("a parameter cannot collect the rest of the arguments", "Name each parameter: (x, i) => x + i"),
  SpreadElement: syntax("arguments cannot be spread", "Write each argument: Math.max(a, b)"),
  FunctionExpression: syntax("a function cannot be a value in a kernel", "Call it, or declare it with const and call it by name"),
  ArrowFunctionExpression: syntax("a function cannot be a value in a kernel", "Call it, or declare it with const and call it by name"),
  ClassExpression: syntax("a kernel has no classes", "Write plain functions of numbers"),
  ClassDeclaration: syntax("a kernel has no classes", "Write plain functions of numbers"),
  NewExpression: syntax("a kernel cannot create objects", "Create it outside and hand over the numbers it holds by name"),
  TemplateLiteral: syntax("a kernel makes no strings of others", STRINGS_ONLY),
  TaggedTemplateExpression: syntax("a kernel makes no strings of others", STRINGS_ONLY),
  YieldExpression: syntax("a kernel cannot yield", "Give the result back with return"),
  AwaitExpression: syntax("a kernel cannot await", "Await the value first, then hand it over by name"),
  ImportExpression: syntax("a kernel cannot import", "Import at the top of the file and hand over what is needed by name"),
  MetaProperty: syntax("a kernel has neither `new.target` nor `import.meta`", "Hand the value over by name"),
  ChainExpression: syntax("`?.` is for the rows that a leftJoin may lack, as in p?.seats ?? 0", "Write . or [ ] instead of ?.; of a column with nulls say first what null becomes, (r.carrier ?? \"\").length, or test it, r.carrier !== null && …"),
  SwitchStatement: syntax("a kernel has no switch", "Write if … else if … else"),
  TryStatement: syntax("a kernel cannot catch errors", "Test for the bad value with if"),
  ThrowStatement: syntax("a kernel cannot throw", "Give NaN back, or filter such elements out before"),
  ForInStatement: syntax("for … in walks over objects", "Count: for (let i = 0; i < lut.length; i++)"),
  ForOfStatement: syntax("for … of walks over iterators", "Count: for (let i = 0; i < lut.length; i++)"),
  WithStatement: syntax("a kernel has no with", "Hand each value over by name"),
  DebuggerStatement: syntax("a kernel cannot stop in the debugger", 'Leave it away; on the backend "js" the lambda itself can be stepped through'),
  VariableDeclaration: syntax("a kernel has no `using`", "Declare with const"),
};

/** Properties of nodes, rather than their kinds. */
export const FORMS = {
  var: syntax("a kernel has no `var`", "Declare with let or const"),
  async: syntax("the function is async", "A kernel runs at once: leave async away, await the values first and hand them over by name"),
  generator: syntax("the function is a generator", "Give one result back for each element with return"),
  nullish: syntax("`??` is for missing values, and every number is there", "Write Number.isNaN(x) ? y : x to replace NaN, or x || y to replace 0 as well"),
  regex: syntax("a kernel has no regular expressions", NO_EXPRESSIONS),
  null: syntax("a kernel has no null", "Every element is there: compare with a number, or test with Number.isNaN(x)"),
  typeof: syntax("a kernel has no `typeof`", "The type of an element is that of its array: leave the test away"),
  void: syntax("a kernel has no `void`, and no `undefined`", "Give a number or a boolean back; elements are never undefined"),
  delete: syntax("a kernel has no `delete`", "Elements and captures are only read: filter unwanted elements out"),
  in: syntax("a kernel has no `in`", "Compare an index with lut.length instead"),
  instanceof: syntax("a kernel has no `instanceof`", "The type of an element is that of its array: leave the test away"),
  computedName: syntax("a function or constant must be named outright", "Write Math.max, not Math[\"max\"]"),
  letFunction: syntax("a helper that may change cannot be compiled in", "Declare it with const"),
  letAlias: syntax("an array or function by another name may not change", "Declare it with const"),
  functionProperty: { code: "DC111", what: "a function has no properties in a kernel", remedy: "Call it, or hand the value over by name" },
  assignedProperty: syntax("a kernel cannot assign to properties", "Keep the value in a variable declared with let"),
  property: syntax("numbers and strings have no such property in a kernel", "Of strings there are .length and methods such as .startsWith and .slice, of captured arrays .length"),
  indexed: syntax("numbers and strings cannot be indexed", "Hand an array over by name, { lut }, and read lut[x]; of a string write r.carrier.charAt(0)"),
  arrayProperty: syntax("a captured array has only `.length` and elements", "Compute it outside and hand the result over by name"),
  called: call("what is called here is not a function by its name", "Declare the function with const and call it by name"),
  assignedElement: { code: "DC105", what: "a kernel cannot write to arrays", remedy: "Give the value back with return: the results make the new array" },
} as const satisfies Readonly<Record<string, Refusal>>;

const object = (name: string): Refusal => syntax(`a kernel has no ${name}`, "Compute it outside and hand the result over by name");

/** Global names. */
export const GLOBALS: Readonly<Record<string, Refusal>> = {
  undefined: syntax("a kernel has no undefined", "Every path gives a number or a boolean; use NaN for a missing number"),
  arguments: syntax("a kernel has no `arguments`", "Name each parameter: (x, i) => x + i"),
  Date: call("the time is another one at every call", "Take the time once, outside, and hand it over by name: { now: Date.now() }"),
  performance: call("the time is another one at every call", "Take the time once, outside, and hand it over by name"),
  crypto: call("a kernel gives the same result at every run: it has no random numbers", "Fill a typed array with random numbers and query that one"),
  console: call("a kernel cannot print", "Look at the results of toArray(), or call the lambda itself on a few elements"),
  parseInt: call("parseInt reads strings", "Write Math.trunc(x) to cut off the fraction"),
  parseFloat: call("parseFloat reads strings", "Elements are numbers already: leave it away"),
  String: object("String"),
  Symbol: object("Symbol"),
  Object: object("Object"),
  Array: object("Array"),
  JSON: object("JSON"),
  Map: object("Map"),
  Set: object("Set"),
  Reflect: object("Reflect"),
  globalThis: object("globalThis"),
  window: object("window"),
  process: object("process"),
  Intl: object("Intl"),
  Atomics: object("Atomics"),
  eval: call("a kernel cannot evaluate text", "Write the function itself"),
};

/** Members of Math, Number and BigInt that stay out for a reason worth telling. */
export const MEMBERS: Readonly<Record<string, Refusal>> = {
  "Math.random": call("a kernel gives the same result at every run: it has no random numbers", "Fill a typed array with random numbers and query that one"),
  "Number.parseInt": call("Number.parseInt reads strings", "Write Math.trunc(x) to cut off the fraction"),
  "Number.parseFloat": call("Number.parseFloat reads strings", "Elements are numbers already: leave it away"),
};
