/** Everything a lambda may not hold, with the whole message: what is wrong, where, and what to write instead. */
import { describe, expect, it } from "vitest";
import { LambdaError } from "../../fusion/errors.js";
import { parseLambda } from "../../fusion/parse/lambda.js";
import type { CaptureKind } from "../../fusion/parse/surface.js";

const CAPTURES: Readonly<Record<string, CaptureKind>> = { k: { kind: "scalar" }, lut: { kind: "array" }, f: { kind: "function", text: "v => v + 1" } };
const ELEMENT = { least: 0, most: 2, names: ["element", "index"] };

function refused(text: string, captures = CAPTURES, label = "the lambda of map", parameters: { least: number; most: number; names?: readonly string[] } = ELEMENT): LambdaError {
  try {
    parseLambda(text, { label, captures, parameters });
  } catch (error) {
    if (error instanceof LambdaError) return error;
    throw error;
  }
  throw new Error(`${text} was not refused`);
}

/** Text of the lambda, the part that is marked, what is wrong, what to do. */
const OPTIONAL = 'Write . or [ ] instead of ?.; of a column with nulls say first what null becomes, (r.carrier ?? "").length, or test it, r.carrier !== null && …';
const REFUSED: readonly (readonly [string, string, string, string])[] = [
  // Values that are no numbers
  ["x => this.k", "this", "DC102: a kernel has no `this`", "Hand the value over by name, { k: this.k }, and write k"],
  ["x => super.f(x)", "super", "DC102: a kernel has no `super`", "Hand the value over by name, { k: super.k }, and write k"],
  ["x => this.#p", "this", "DC102: a kernel has no `this`", "Hand the value over by name, { k: this.k }, and write k"],
  ["x => [x]", "[x]", "DC102: a kernel cannot build arrays", "Hand a typed array over by name, { lut }, and read lut[x]; give several values as a row, r => ({ a: r.a, b: r.b })"],
  ["x => ({ y: x })", "{ y: x }", "DC111: the lambda of map gives a row where a single value is needed", "Only map gives rows: .map(x => ({ x, square: x * x }))"],
  ["x => Math.abs({ y: x })", "{ y: x }", "DC102: a kernel cannot build objects", "An object may only be the whole result of a map, and gives rows: x => ({ x, square: x * x })"],
  ["x => tag`${x}`", "tag`${x}`", "DC102: a kernel makes no strings of others", 'Strings are put together by +, r.carrier + "x", and `${r.carrier}x`: compute others beforehand'],
  ["x => k`x`", "k`x`", "DC102: a kernel makes no strings of others", 'Strings are put together by +, r.carrier + "x", and `${r.carrier}x`: compute others beforehand'],
  ["x => /a/", "/a/", "DC102: a kernel has no regular expressions", 'Ask a string for .startsWith("A"), .endsWith("A") or .includes("A"), or compute what the expression finds beforehand'],
  ["x => x == null", "null", "DC102: a kernel has no null", "Every element is there: compare with a number, or test with Number.isNaN(x)"],
  ["x => undefined", "undefined", "DC102: a kernel has no undefined", "Every path gives a number or a boolean; use NaN for a missing number"],
  ["x => () => x", "() => x", "DC102: a function cannot be a value in a kernel", "Call it, or declare it with const and call it by name"],
  ["x => function () { return x; }", "function () { return x; }", "DC102: a function cannot be a value in a kernel", "Call it, or declare it with const and call it by name"],
  ["x => class {}", "class {}", "DC102: a kernel has no classes", "Write plain functions of numbers"],
  ["x => { class A {} return x; }", "class A {}", "DC102: a kernel has no classes", "Write plain functions of numbers"],
  ["x => new Float64Array(2)", "new Float64Array(2)", "DC102: a kernel cannot create objects", "Create it outside and hand over the numbers it holds by name"],
  ['x => import("x")', 'import("x")', "DC102: a kernel cannot import", "Import at the top of the file and hand over what is needed by name"],
  ["function (x) { return new.target; }", "new.target", "DC102: a kernel has neither `new.target` nor `import.meta`", "Hand the value over by name"],
  // Parameters
  ["({ a }) => a", "{ a }", "DC102: destructuring takes rows apart, and this is none", "Elements of a single array are numbers: take the element itself, x => x * 2"],
  ["([a]) => a", "[a]", "DC102: destructuring takes arrays apart, and elements are numbers", "Take the element itself, x => x * 2, and declare one variable each"],
  ["(x = 1) => x", "x = 1", "DC102: a parameter cannot have a default value", "Every parameter is always given: leave the default away"],
  ["(...x) => x", "...x", "DC102: a parameter cannot collect the rest of the arguments", "Name each parameter: (x, i) => x + i"],
  ["(x, i, a) => x", "a", "DC103: the lambda of map takes at most 2 parameters (element, index), not 3", "Hand over other values by name, as captures"],
  ["x => arguments[0]", "arguments", "DC102: a kernel has no `arguments`", "Name each parameter: (x, i) => x + i"],
  // Operators
  ["x => x ?? 0", "x ?? 0", "DC102: `??` is for missing values, and every number is there", "Write Number.isNaN(x) ? y : x to replace NaN, or x || y to replace 0 as well"],
  ["x => { let y = 1; y ??= x; return y; }", "y ??= x", "DC102: `??` is for missing values, and every number is there", "Write Number.isNaN(x) ? y : x to replace NaN, or x || y to replace 0 as well"],
  ["x => { x ?? 0; return x; }", "x ?? 0", "DC102: `??` is for missing values, and every number is there", "Write Number.isNaN(x) ? y : x to replace NaN, or x || y to replace 0 as well"],
  ["x => lut?.[0]", "lut?.[0]", "DC102: `?.` is for the rows that a leftJoin may lack, as in p?.seats ?? 0", OPTIONAL],
  ["x => x?.y", "x?.y", "DC102: `?.` is for the rows that a leftJoin may lack, as in p?.seats ?? 0", OPTIONAL],
  ["x => Math?.max(x, 1)", "Math?.max(x, 1)", "DC102: `?.` is for the rows that a leftJoin may lack, as in p?.seats ?? 0", OPTIONAL],
  ["x => typeof x", "typeof x", "DC102: a kernel has no `typeof`", "The type of an element is that of its array: leave the test away"],
  ["x => void 0", "void 0", "DC102: a kernel has no `void`, and no `undefined`", "Give a number or a boolean back; elements are never undefined"],
  ["x => delete lut[0]", "delete lut[0]", "DC102: a kernel has no `delete`", "Elements and captures are only read: filter unwanted elements out"],
  ["x => 1 in lut", "1 in lut", "DC102: a kernel has no `in`", "Compare an index with lut.length instead"],
  ["x => #p in x", "#p in x", "DC102: a kernel has no `in`", "Compare an index with lut.length instead"],
  ["x => x instanceof Number", "x instanceof Number", "DC102: a kernel has no `instanceof`", "The type of an element is that of its array: leave the test away"],
  ["x => Math.max(...x)", "...x", "DC102: arguments cannot be spread", "Write each argument: Math.max(a, b)"],
  // Functions of the wrong kind
  ["async x => x", "async x =>", "DC102: the function is async", "A kernel runs at once: leave async away, await the values first and hand them over by name"],
  ["async x => await x", "async x =>", "DC102: the function is async", "A kernel runs at once: leave async away, await the values first and hand them over by name"],
  ["async (x) => { return x; }", "async (x) =>", "DC102: the function is async", "A kernel runs at once: leave async away, await the values first and hand them over by name"],
  ["function* (x) { yield x; }", "function* (x)", "DC102: the function is a generator", "Give one result back for each element with return"],
  ["async f(x) { return x; }", "(x)", "DC102: the function is async", "A kernel runs at once: leave async away, await the values first and hand them over by name"],
  ["*f(x) { yield x; }", "(x)", "DC102: the function is a generator", "Give one result back for each element with return"],
  ["x => { const g = async v => v; return g(x); }", "async v =>", "DC102: the function is async", "A kernel runs at once: leave async away, await the values first and hand them over by name"],
  ["x => { const g = function* (v) { yield v; }; return g(x); }", "function* (v)", "DC102: the function is a generator", "Give one result back for each element with return"],
  ["x => { async function g(v) { return v; } return g(x); }", "async function g(v)", "DC102: the function is async", "A kernel runs at once: leave async away, await the values first and hand them over by name"],
  ["get f() { return 1; }", "get f() { return 1; }", "DC101: the lambda of map is a getter or setter", "Pass an arrow function instead: x => x * 2"],
  ["class A { f(x) { return x; } }", "class A { f(x) { return x; } }", "DC101: the lambda of map is a class", "Pass a function: a kernel has numbers, no objects"],
  // Statements
  ["x => { var y = x; return y; }", "var", "DC102: a kernel has no `var`", "Declare with let or const"],
  ["x => { for (var i = 0; i < 3; i++) x += i; return x; }", "var", "DC102: a kernel has no `var`", "Declare with let or const"],
  ["x => { switch (x) { case 1: return 2; } return 3; }", "switch (x) { case 1: return 2; }", "DC102: a kernel has no switch", "Write if … else if … else"],
  ["x => { try { return x; } catch { return 0; } }", "try { return x; } catch { return 0; }", "DC102: a kernel cannot catch errors", "Test for the bad value with if"],
  ['x => { throw new Error("no"); }', 'throw new Error("no");', "DC102: a kernel cannot throw", "Give NaN back, or filter such elements out before"],
  ["x => { for (const i in lut) return i; return 0; }", "for (const i in lut) return i;", "DC102: for … in walks over objects", "Count: for (let i = 0; i < lut.length; i++)"],
  ["x => { for (const v of lut) return v; return 0; }", "for (const v of lut) return v;", "DC102: for … of walks over iterators", "Count: for (let i = 0; i < lut.length; i++)"],
  ["x => { debugger; return x; }", "debugger;", "DC102: a kernel cannot stop in the debugger", 'Leave it away; on the backend "js" the lambda itself can be stepped through'],
  ["function (x) { with (x) { return 1; } }", "with (x) { return 1; }", "DC102: a kernel has no with", "Hand each value over by name"],
  ["x => { const { a } = x; return a; }", "{ a }", "DC102: destructuring takes rows apart, and this is none", "Elements of a single array are numbers: take the element itself, x => x * 2"],
  ["x => { const [a] = x; return a; }", "[a]", "DC102: destructuring takes arrays apart, and elements are numbers", "Take the element itself, x => x * 2, and declare one variable each"],
  ["x => { let a, b; [a, b] = [x, x]; return a; }", "[a, b]", "DC102: destructuring takes arrays apart, and elements are numbers", "Take the element itself, x => x * 2, and declare one variable each"],
  ["x => { let a; ({ a } = x); return a; }", "{ a }", "DC102: destructuring takes rows apart, and this is none", "Elements of a single array are numbers: take the element itself, x => x * 2"],
  ["x => { using a = x; return 1; }", "using a = x;", "DC102: a kernel has no `using`", "Declare with const"],
  ["x => { let g = v => v; return g(x); }", "g = v => v", "DC102: a helper that may change cannot be compiled in", "Declare it with const"],
  // Global names
  ["x => Math.random()", "Math.random", "DC106: a kernel gives the same result at every run: it has no random numbers", "Fill a typed array with random numbers and query that one"],
  ["x => Date.now()", "Date", "DC106: the time is another one at every call", "Take the time once, outside, and hand it over by name: { now: Date.now() }"],
  ["x => performance.now()", "performance", "DC106: the time is another one at every call", "Take the time once, outside, and hand it over by name"],
  ["x => crypto.getRandomValues(x)", "crypto", "DC106: a kernel gives the same result at every run: it has no random numbers", "Fill a typed array with random numbers and query that one"],
  ["x => console.log(x)", "console", "DC106: a kernel cannot print", "Look at the results of toArray(), or call the lambda itself on a few elements"],
  ["x => parseInt(x)", "parseInt", "DC106: parseInt reads strings", "Write Math.trunc(x) to cut off the fraction"],
  ["x => parseFloat(x)", "parseFloat", "DC106: parseFloat reads strings", "Elements are numbers already: leave it away"],
  ["x => Number.parseInt(x)", "Number.parseInt", "DC106: Number.parseInt reads strings", "Write Math.trunc(x) to cut off the fraction"],
  ["x => Number.parseFloat(x)", "Number.parseFloat", "DC106: Number.parseFloat reads strings", "Elements are numbers already: leave it away"],
  ["x => String(x)", "String", "DC102: a kernel has no String", "Compute it outside and hand the result over by name"],
  ["x => Array.from(x)", "Array", "DC102: a kernel has no Array", "Compute it outside and hand the result over by name"],
  ["x => JSON.stringify(x)", "JSON", "DC102: a kernel has no JSON", "Compute it outside and hand the result over by name"],
  ["x => globalThis.k", "globalThis", "DC102: a kernel has no globalThis", "Compute it outside and hand the result over by name"],
  ['x => eval("x")', "eval", "DC106: a kernel cannot evaluate text", "Write the function itself"],
  ['x => Math["max"](x, 1)', 'Math["max"]', "DC102: a function or constant must be named outright", 'Write Math.max, not Math["max"]'],
  ["x => Math[k]", "Math[k]", "DC102: a function or constant must be named outright", 'Write Math.max, not Math["max"]'],
  ["x => Math.max", "Math.max", "DC106: Math.max is a function and is used as a number", "Call it: Math.max(x)"],
  ["x => Math.foo(x)", "Math.foo", "DC106: Math.foo is not among the functions and constants that kernels have", "Write it with those of Math and Number, or as a helper function handed over by name"],
  ["x => Math.TAU", "Math.TAU", "DC106: Math.TAU is not among the functions and constants that kernels have", "Write it with those of Math and Number, or as a helper function handed over by name"],
  ["x => Math.PI()", "Math.PI()", "DC106: Math.PI is a number and is called", "Write Math.PI without parentheses"],
  ["x => Math", "Math", "DC102: Math is not a number", "Use its members: Math.max(x, 0)"],
  ["x => Number", "Number", "DC102: Number is not a number", "Call it: Number(x)"],
  ["x => isNaN", "isNaN", "DC102: isNaN is not a number", "Call it: isNaN(x)"],
  ["x => { NaN = 1; return x; }", "NaN", "DC105: NaN belongs to JavaScript and is assigned", "Assign to a variable of the lambda's own, declared with let"],
  // Argument counts
  ["x => Math.sqrt()", "Math.sqrt()", "DC106: Math.sqrt takes one argument and is given 0", "Write Math.sqrt(x)"],
  ["x => Math.sqrt(x, 1)", "Math.sqrt(x, 1)", "DC106: Math.sqrt takes one argument and is given 2", "Write Math.sqrt(x)"],
  ["x => Math.pow(x)", "Math.pow(x)", "DC106: Math.pow takes two arguments and is given 1", "Write Math.pow(x, y)"],
  ["x => BigInt.asIntN(x)", "BigInt.asIntN(x)", "DC106: BigInt.asIntN takes two arguments and is given 1", "Write BigInt.asIntN(64, x)"],
  ["x => f()", "f()", "DC103: f takes 1 argument and is given 0", "Give a value for v"],
  ["x => (v => v)()", "(v => v)()", "DC103: this function takes 1 argument and is given 0", "Give a value for v"],
  // Names that are not known
  ["x => rate * x", "rate", 'DC104: "rate" is not known inside this lambda', "A kernel cannot see outer variables: hand it over by name, .map(x => rate * x, { k, lut, f, rate })"],
  ["x => rate(x)", "rate", 'DC104: "rate" is not known inside this lambda', "A kernel cannot see outer variables: hand it over by name, .map(x => rate(x), { k, lut, f, rate })"],
  ["x => rate[0]", "rate", 'DC104: "rate" is not known inside this lambda', "A kernel cannot see outer variables: hand it over by name, .map(x => rate[0], { k, lut, f, rate })"],
  ["x => lib.rate * x", "lib.rate", 'DC104: "lib" is not known inside this lambda', "A kernel cannot see outer variables: hand over what it needs of lib by name, .map(…, { k, lut, f, rate })"],
  ["x => lib.clamp(x)", "lib.clamp", 'DC104: "lib" is not known inside this lambda', "A kernel cannot see outer variables: hand over what it needs of lib by name, .map(…, { k, lut, f, clamp })"],
  ["x => a.b.c", "a.b", 'DC104: "a" is not known inside this lambda', "A kernel cannot see outer variables: hand over what it needs of a by name, .map(…, { k, lut, f, b })"],
  ["x => { count += x; return x; }", "count", 'DC104: "count" is not known inside this lambda', "A kernel cannot change outer variables: give results back, or fold them with reduce"],
  ["x => { count++; return x; }", "count", 'DC104: "count" is not known inside this lambda', "A kernel cannot change outer variables: give results back, or fold them with reduce"],
  ["x => count = x", "count", 'DC104: "count" is not known inside this lambda', "A kernel cannot change outer variables: give results back, or fold them with reduce"],
  // Captures and variables used as something else
  ["x => k[0]", "k[0]", "DC111: k is a single value and is used as an array", "Hand over a typed array under this name, { k: new Float64Array([…]) }"],
  ["x => k(x)", "k(x)", "DC111: k is a single value and is called", "Hand over a function under this name"],
  ["x => k.toFixed(2)", "k.toFixed", "DC106: k has no method toFixed in a kernel", "Call functions of Math and Number, or helper functions handed over by name"],
  ["x => lut + 1", "lut", "DC111: lut is an array and is used as a number", "Read one of its elements, lut[x], or its length, lut.length"],
  ["x => lut(x)", "lut(x)", "DC111: lut is an array and is called", "Hand over a function under this name, or read lut[x]"],
  ["x => lut.map(f)", "lut.map", "DC106: lut has no method map in a kernel", "Call functions of Math and Number, or helper functions handed over by name"],
  ["x => lut.buffer", "lut.buffer", "DC102: a captured array has only `.length` and elements", "Compute it outside and hand the result over by name"],
  ["x => { let t = lut; return t[0]; }", "t = lut", "DC102: an array or function by another name may not change", "Declare it with const"],
  ["x => { let t = f; return t(x); }", "t = f", "DC102: an array or function by another name may not change", "Declare it with const"],
  ["x => f + x", "f", "DC111: f is a function and is used as a number", "Call it: f(x)"],
  ["x => f[0]", "f[0]", "DC111: f is a function and is used as an array", "Call it: f(x)"],
  ["x => f.name", "f.name", "DC111: a function has no properties in a kernel", "Call it, or hand the value over by name"],
  ["x => x(1)", "x(1)", "DC106: x is a number and is called", "Hand a helper function over by name, { clamp }, and write clamp(x)"],
  ["x => x[0]", "x[0]", "DC102: numbers and strings cannot be indexed", "Hand an array over by name, { lut }, and read lut[x]; of a string write r.carrier.charAt(0)"],
  ["x => x.toFixed(2)", "x.toFixed", "DC106: x has no method toFixed in a kernel", "Call functions of Math and Number, or helper functions handed over by name"],
  ["x => (x, 1)(x)", "x, 1", "DC106: what is called here is not a function by its name", "Declare the function with const and call it by name"],
  ["x => f(x)(x)", "f(x)", "DC106: what is called here is not a function by its name", "Declare the function with const and call it by name"],
  ["x => f(x).y", "f(x).y", "DC102: numbers and strings have no such property in a kernel", "Of strings there are .length and methods such as .startsWith and .slice, of captured arrays .length"],
  // Assignments to what cannot change
  ["x => { k = 1; return x; }", "k", "DC105: k is a captured value and is assigned", "Copy it into a variable first: let copy = k"],
  ["x => { lut = 1; return x; }", "lut", "DC105: lut is a captured value and is assigned", "Assign to a variable of another name, declared with let"],
  ["x => { f++; return x; }", "f", "DC105: f is a function and is assigned", "Assign to a variable of another name, declared with let"],
  ["x => { lut[0] = x; return x; }", "lut[0]", "DC105: a kernel cannot write to arrays", "Give the value back with return: the results make the new array"],
  ["x => { lut.length = 0; return x; }", "lut.length", "DC105: a kernel cannot write to arrays", "Give the value back with return: the results make the new array"],
  ["x => { out[0] = x; return x; }", "out[0]", "DC105: a kernel cannot write to arrays", "Give the value back with return: the results make the new array"],
  ["x => { this.k = 1; return x; }", "this", "DC102: a kernel has no `this`", "Hand the value over by name, { k: this.k }, and write k"],
  ["x => { x.y = 1; return x; }", "x.y", "DC102: a kernel cannot assign to properties", "Keep the value in a variable declared with let"],
  ["x => { const y = 1; y = 2; return y; }", "y", "DC105: y is a constant and is assigned", "Declare it with let"],
  ["x => { const y = 1; y++; return y; }", "y", "DC105: y is a constant and is assigned", "Declare it with let"],
  ["x => { for (const i = 0; i < 3; i++) x += i; return x; }", "i", "DC105: i is a constant and is assigned", "Declare it with let"],
  // Recursion
  ["function me(x) { return me(x - 1); }", "me(x - 1)", "DC109: me calls itself", "Write a loop: a kernel has no call stack"],
  ["x => { const g = v => g(v - 1); return g(x); }", "g(v - 1)", "DC109: g calls itself", "Write a loop: a kernel has no call stack"],
  ["x => { function g(v) { return h(v); } function h(v) { return g(v); } return g(x); }", "g(v)", "DC109: g calls itself", "Write a loop: a kernel has no call stack"],
  // Paths without a result
  ["x => { }", "}", "DC107: the lambda of map gives no result on some path", "End every path with return; a kernel has no undefined"],
  ["x => { if (x > 0) return 1; }", "}", "DC107: the lambda of map gives no result on some path", "End every path with return; a kernel has no undefined"],
  ["x => { return; }", "return;", "DC107: this return gives no value", "Give a number or a boolean back: return x"],
  ["x => { while (x > 0) { return 1; } }", "}", "DC107: the lambda of map gives no result on some path", "End every path with return; a kernel has no undefined"],
  ["x => { for (;;) { if (x > 0) break; return 1; } }", "}", "DC107: the lambda of map gives no result on some path", "End every path with return; a kernel has no undefined"],
  ["x => { a: { break a; return 1; } }", "}", "DC107: the lambda of map gives no result on some path", "End every path with return; a kernel has no undefined"],
  ["x => { const g = v => { if (v) return 1; }; return g(x); }", "}", "DC107: the helper g gives no result on some path", "End every path with return; a kernel has no undefined"],
  // Variables without a value
  ["x => { let y; return y; }", "y", "DC108: y may be read before it has a value", "Give it a value where it is declared: let y = 0"],
  ["x => { let y; y += x; return y; }", "y", "DC108: y may be read before it has a value", "Give it a value where it is declared: let y = 0"],
  ["x => { let y; if (x > 0) y = 1; return y; }", "y", "DC108: y may be read before it has a value", "Give it a value where it is declared: let y = 0"],
  ["x => { let y; x > 0 && (y = 1); return y; }", "y", "DC108: y may be read before it has a value", "Give it a value where it is declared: let y = 0"],
  ["x => { let y; return x > 0 ? (y = 1) : y; }", "y", "DC108: y may be read before it has a value", "Give it a value where it is declared: let y = 0"],
  ["x => { let y; while (x > 0) { y = 1; x--; } return y; }", "y", "DC108: y may be read before it has a value", "Give it a value where it is declared: let y = 0"],
  ["x => { let y; for (let i = 0; i < 3; i++) { if (i > x) continue; y = i; } return y; }", "y", "DC108: y may be read before it has a value", "Give it a value where it is declared: let y = 0"],
  ["x => { for (let i = 0; i < 3; i++) { let y; if (i > 0) return y; y = i; } return x; }", "y", "DC108: y may be read before it has a value", "Give it a value where it is declared: let y = 0"],
  ["x => { const y = z; const z = 1; return y; }", "z", "DC108: z is used before its declaration", "Move the declaration up"],
  ["x => { let y = y + 1; return y; }", "y", "DC108: y is used before its declaration", "Move the declaration up"],
  ["x => { y = 1; let y; return y; }", "y", "DC108: y is used before its declaration", "Move the declaration up"],
  ["x => { const y = g(x); const g = v => v; return y; }", "g", "DC108: g is used before its declaration", "Move the declaration up"],
  ["x => { { x = y; } const y = 1; return x; }", "y", "DC108: y is used before its declaration", "Move the declaration up"],
  // Text that other tools wrote
  ["x => (0, __vite_ssr_import_1__.clamp)(x)", "__vite_ssr_import_1__.clamp", 'DC110: the import "clamp" was rewritten to __vite_ssr_import_1__.clamp', "Hand it over by name, .map(…, { k, lut, f, clamp })"],
  ["x => __vite_ssr_import_1__.rate * x", "__vite_ssr_import_1__.rate", 'DC110: the import "rate" was rewritten to __vite_ssr_import_1__.rate', "Hand it over by name, .map(…, { k, lut, f, rate })"],
  ["x => __vite_ssr_import_1__.default(x)", "__vite_ssr_import_1__.default", "DC110: an import was rewritten to __vite_ssr_import_1__.default, and its name is lost", "Import it by name, or keep it in a const variable, and hand that over"],
  ["x => (0, lib_1.clamp)(x)", "lib_1.clamp", 'DC110: the import "clamp" was rewritten to lib_1.clamp', "Hand it over by name, .map(…, { k, lut, f, clamp })"],
  ["x => { cov_1abc().s[0]++; return x; }", "cov_1abc().s[", "DC110: the lambda of map was rewritten to count coverage", 'Measure coverage with V8 instead, which leaves the code as it is: c8, or coverage.provider "v8" in vitest'],
  ["x => (cov_2x().b[0][0]++, x)", "cov_2x().b[", "DC110: the lambda of map was rewritten to count coverage", 'Measure coverage with V8 instead, which leaves the code as it is: c8, or coverage.provider "v8" in vitest'],
  ["function sqrt() { [native code] }", "{ [native code] }", "DC101: the lambda of map is built in or bound: it has no text to compile", "Write a function that calls it: x => Math.sqrt(x)"],
  ["function () { [native code] }", "{ [native code] }", "DC101: the lambda of map is built in or bound: it has no text to compile", "Write a function that calls it: x => f(x)"],
  ["function increment() { [native code] }", "{ [native code] }", "DC101: the lambda of map is built in or bound: it has no text to compile", "Write a function that calls it: x => increment(x)"],
  // Text that is no function
  ["x => x +", "", "DC101: the lambda of map cannot be read: unexpected token", "Pass an arrow function, x => x * 2, or any function whose text is plain JavaScript"],
  ["not a function", "a", "DC101: the lambda of map cannot be read: unexpected token", "Pass an arrow function, x => x * 2, or any function whose text is plain JavaScript"],
  ["5", "5", "DC101: the lambda of map is not the text of a function", "Pass an arrow function: x => x * 2"],
  ["x", "x", "DC101: the lambda of map is not the text of a function", "Pass an arrow function: x => x * 2"],
  ["x => x) + (y", "x => x) + (y", "DC101: the lambda of map is not the text of a function", "Pass an arrow function: x => x * 2"],
  ["x => { return x; } }", "}", "DC101: the lambda of map cannot be read: unexpected token", "Pass an arrow function, x => x * 2, or any function whose text is plain JavaScript"],
  ["x => 08n", "n", "DC101: the lambda of map cannot be read: identifier directly after number", "Pass an arrow function, x => x * 2, or any function whose text is plain JavaScript"],
];

describe("refused", () => {
  it.each(REFUSED)("%s", (text, marked, what, remedy) => {
    const error = refused(text);
    expect(error.message.split("\n").at(0)).toBe(what);
    expect(error.remedy).toBe(remedy);
    expect(error.source.slice(error.start, error.end)).toBe(marked);
    const line = error.source.split("\n")[0] ?? "";
    expect(error.message).toBe(`${what}\n  ${line}\n  ${" ".repeat(error.start)}${"^".repeat(Math.max(1, marked.length))}\n${remedy}`);
    expect(error.code).toBe(what.slice(0, 5));
  });
});

describe("whole messages", () => {
  it("a name that was not handed over", () => {
    expect(refused("x => x * rate", {}).message).toBe(`DC104: "rate" is not known inside this lambda
  x => x * rate
           ^^^^
A kernel cannot see outer variables: hand it over by name, .map(x => x * rate, { rate })`);
  });

  it("a name that was not handed over, to a reduce that has captures", () => {
    expect(refused("(a, x) => a + x * rate", { k: { kind: "scalar" } }, "the lambda of reduce").message).toBe(`DC104: "rate" is not known inside this lambda
  (a, x) => a + x * rate
                    ^^^^
A kernel cannot see outer variables: hand it over by name, .reduce((a, x) => a + x * rate, seed, { k, rate })`);
  });

  it("a name that a helper needs", () => {
    expect(refused("x => scale(x)", { scale: { kind: "function", text: "function scale(v) {\n  return v * rate;\n}" } }).message).toBe(`DC104: "rate" is not known inside the helper scale
  return v * rate;
             ^^^^
A kernel cannot see outer variables: hand it over by name, .map(x => scale(x), { scale, rate })`);
  });

  it("a long lambda is not repeated in the remedy", () => {
    expect(refused("x => {\n  const y = x * 2;\n\treturn y * rate;\n}", {}).message).toBe(`DC104: "rate" is not known inside this lambda
  return y * rate;
             ^^^^
A kernel cannot see outer variables: hand it over by name, .map(…, { rate })`);
  });

  it("a statement of several lines is marked on its first", () => {
    expect(refused("x => {\n  switch (x) {\n    case 1:\n      return 2;\n  }\n  return 3;\n}").message).toBe(`DC102: a kernel has no switch
  switch (x) {
  ^^^^^^^^^^^^
Write if … else if … else`);
  });

  it("a helper that calls itself, directly or through another", () => {
    const captures: Readonly<Record<string, CaptureKind>> = {
      factorial: { kind: "function", text: "n => n < 2 ? 1 : n * factorial(n - 1)" },
      even: { kind: "function", text: "n => n < 1 || odd(n - 1)" },
      odd: { kind: "function", text: "n => n > 0 && even(n - 1)" },
    };
    expect(refused("x => factorial(x)", captures).message).toBe(`DC109: factorial calls itself
  n => n < 2 ? 1 : n * factorial(n - 1)
                       ^^^^^^^^^^^^^^^^
Write a loop: a kernel has no call stack`);
    expect(refused("x => even(x)", captures).message).toBe(`DC109: even calls itself
  n => n > 0 && even(n - 1)
                ^^^^^^^^^^^
Write a loop: a kernel has no call stack`);
  });

  it("a helper that takes numbers and is given an array", () => {
    expect(refused("x => f(lut)").message).toBe(`DC111: v is an array and is used as a number
  v => v + 1
       ^
Read one of its elements, v[x], or its length, v.length`);
  });

  it("a helper without a text", () => {
    expect(refused("x => root(x)", { root: { kind: "function", text: Math.sqrt.toString() } }).message).toBe(`DC101: the helper root is built in or bound: it has no text to compile
  function sqrt() { [native code] }
                  ^^^^^^^^^^^^^^^^^
Write a function that calls it: x => Math.sqrt(x)`);
  });

  it("a helper with a mistake of its own", () => {
    expect(refused("x => g(x)", { g: { kind: "function", text: "v => v ?? 0" } }).message).toBe(`DC102: \`??\` is for missing values, and every number is there
  v => v ?? 0
       ^^^^^^
Write Number.isNaN(x) ? y : x to replace NaN, or x || y to replace 0 as well`);
  });
});

describe("parameters", () => {
  it.each([
    ["() => 1", { least: 2, most: 2, names: ["accumulator", "element"] }, "DC103: the lambda of map takes 2 parameters (accumulator, element), not 0", "Name all 2: (accumulator, element) => …"],
    ["x => 1", { least: 2, most: 3 }, "DC103: the lambda of map takes at least 2 parameters, not 1", "Name all 2: (…) => …"],
    ["() => 1", { least: 1, most: 1, names: ["element"] }, "DC103: the lambda of map takes 1 parameter (element), not 0", "Name it: (element) => …"],
    ["(x, i) => 1", { least: 0, most: 1 }, "DC103: the lambda of map takes at most 1 parameter, not 2", "Hand over other values by name, as captures"],
  ])("%s of %o", (text, parameters, what, remedy) => {
    const error = refused(text, {}, "the lambda of map", parameters);
    expect(error.message.split("\n").at(0)).toBe(what);
    expect(error.remedy).toBe(remedy);
  });
});

describe("size", () => {
  it.each([
    ["a long sum", `x => ${"x + ".repeat(3000)}x`],
    ["deep calls", `x => ${"Math.abs(".repeat(1000)}x${")".repeat(1000)}`],
    ["deep blocks", `x => ${"{ ".repeat(1000)}return x;${" }".repeat(1000)}`],
    ["parentheses beyond the parser", `x => ${"(".repeat(50_000)}x${")".repeat(50_000)}`],
    ["brackets beyond the parser", `x => ${"[".repeat(50_000)}`],
    ["a sum beyond the parser", `x => ${"x + ".repeat(200_000)}x`],
  ])("%s is refused, and nothing overflows", (_, text) => {
    const error = refused(text);
    expect(error.message.split("\n").at(0)).toBe("DC102: the lambda of map is nested too deeply");
    expect(error.message.length).toBeLessThan(500);
    expect(error.remedy).toMatch(/^Split it: keep parts in const variables/);
  });

  it("helpers that multiply each other are refused", () => {
    const captures: Record<string, CaptureKind> = { h0: { kind: "function", text: "v => v * 2" } };
    for (let i = 1; i <= 40; i++) captures[`h${i}`] = { kind: "function", text: `v => h${i - 1}(v) + h${i - 1}(v + 1)` };
    const error = refused("x => h40(x)", captures);
    expect(error.message.split("\n").at(0)).toBe("DC102: the lambda is too large once its helpers are put in place");
    expect(error.remedy).toBe("Call helpers less often: keep their results in const variables");
  });

  it("a hundred early returns are no depth at all", () => {
    const text = `x => { ${Array.from({ length: 300 }, (_, i) => `if (x < ${i}) return ${i};`).join(" ")} return x; }`;
    expect(() => parseLambda(text, { label: "the lambda of map", captures: {}, parameters: ELEMENT })).not.toThrow();
  });
});

it("captures named like members of Object are captures only if they are given", () => {
  expect(refused("x => x * constructor", {}).code).toBe("DC104");
  expect(refused("x => toString(x)", {}).code).toBe("DC104");
  expect(refused("x => Math.constructor(x)", {}).code).toBe("DC106");
});
