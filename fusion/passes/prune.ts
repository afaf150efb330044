/** Removes what nobody needs: locals that are never read (unless computing them can fail), and unused kernel parameters. */
import type { Kernel, Stmt } from "../ir.js";
import { declaredIn, isEffect, leftFold, mapExpr, mapKernel, storedIn, usesOf, walkKernel } from "../traverse.js";
import { plainName } from "./parameters.js";

export const prune = (kernel: Kernel): Kernel => dropParameters(pruneBody(kernel));

/** The locals alone: the kernel is called as before. */
export function pruneBody(kernel: Kernel): Kernel {
  let before = kernel;
  for (;;) {
    const after = dropUnread(before);
    if (after === before) return after;
    before = after;
  }
}

function dropUnread(kernel: Kernel): Kernel {
  const read = usedNames(kernel);
  const unread = (stmt: Stmt): boolean => (stmt.kind === "declare" || stmt.kind === "assign") && !read.has(stmt.name);
  return mapKernel(kernel, {
    stmt: stmt => {
      if (unread(stmt) && (stmt.kind === "declare" || stmt.kind === "assign")) {
        // An assignment whose effect must stay keeps its target.
        return isEffect(stmt.value) || (stmt.kind === "declare" && effectsAssigned(kernel).has(stmt.name)) ? stmt : [];
      }
      if (stmt.kind === "if" && stmt.then.length === 0 && stmt.otherwise.length === 0) return [];
      return stmt;
    },
  });
}

function usedNames(kernel: Kernel): Set<string> {
  const used = new Set<string>();
  walkKernel(kernel, {
    expr: expr => {
      if (expr.kind === "local" || expr.kind === "capture") used.add(expr.name);
      else if ("array" in expr) used.add(expr.array);
    },
  });
  for (const name of storedIn(kernel.body)) used.add(name);
  const { sink, source } = kernel;
  if (source.kind === "space") for (const size of source.sizes) used.add(size);
  const fold = leftFold(sink);
  const seed = sink.kind === "fold" || sink.kind === "scan" ? sink.seed : null;
  for (const name of [seed, fold?.first, fold?.accumulator]) if (typeof name === "string") used.add(name);
  return used;
}

/** Locals that an effect is assigned to. */
function effectsAssigned(kernel: Kernel): Set<string> {
  const names = new Set<string>();
  walkKernel(kernel, { stmt: stmt => void (stmt.kind === "assign" && isEffect(stmt.value) && names.add(stmt.name)) });
  return names;
}

/** Drops unused parameters; one whose capture needed a second name (`k_2`) gets its plain name back where that is free. */
function dropParameters(kernel: Kernel): Kernel {
  const used = usedNames(kernel);
  const scalars = kernel.scalars.filter(parameter => used.has(parameter.name));
  const arrays = kernel.arrays.filter(parameter => used.has(parameter.name));
  const taken = new Set([...scalars, ...arrays].map(parameter => parameter.name));
  for (const name of [...usesOf(kernel.body), ...declaredIn(kernel.body)]) taken.add(name);
  if (kernel.sink.kind === "fold") for (const name of [kernel.sink.accumulator, kernel.sink.combine?.left, kernel.sink.combine?.right]) if (name !== undefined) taken.add(name);
  if (kernel.sink.kind === "scan") taken.add(kernel.sink.running);
  const renamed = new Map<string, string>();
  for (const { name, origin } of [...scalars, ...arrays]) {
    const plain = plainName(origin);
    if (name === plain || taken.has(plain)) continue;
    renamed.set(name, plain);
    taken.add(plain);
  }
  if (scalars.length === kernel.scalars.length && arrays.length === kernel.arrays.length && renamed.size === 0) return kernel;
  const plain = <T extends { readonly name: string }>(parameter: T): T => ({ ...parameter, name: renamed.get(parameter.name) ?? parameter.name });
  const body = mapKernel(kernel, {
    expr: expr =>
      mapExpr(expr, node => {
        if (node.kind === "capture") return renamed.has(node.name) ? { ...node, name: renamed.get(node.name) as string } : node;
        if ("array" in node) return renamed.has(node.array) ? { ...node, array: renamed.get(node.array) as string } : node;
        return node;
      }),
    stmt: stmt => (stmt.kind === "store" && renamed.has(stmt.array) ? { ...stmt, array: renamed.get(stmt.array) as string } : stmt),
  });
  const { sink, source } = body;
  const seeded = sink.kind === "fold" || sink.kind === "scan" ? { ...sink, seed: sink.seed === null ? null : (renamed.get(sink.seed) ?? sink.seed) } : sink;
  const sized = source.kind === "space" ? { ...source, sizes: source.sizes.map(size => renamed.get(size) ?? size) } : source;
  return { ...body, source: sized, scalars: scalars.map(plain), arrays: arrays.map(plain), sink: seeded };
}
