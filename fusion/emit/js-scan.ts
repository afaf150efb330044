/** Scans as JavaScript: the running values of a reduction, one for every element. */
import type { Expression, Statement } from "estree";
import { CompilerBug } from "../errors.js";
import { identityOf } from "../interpret.js";
import type { Expr, Scan } from "../ir.js";
import { BLOCK, LANES } from "../types.js";
import { assign, at, binary, declare, identifier, number, skeleton } from "./estree.js";
import { BodyEmitter, converted } from "./js-body.js";
import type { HelperName } from "./js-helpers.js";
import { constant, elementBody, filled, NEXT, step, stored, type Emission } from "./js-loop.js";
import { isOrdered } from "./js-state.js";

export function scanSink(emission: Emission, scan: Scan): readonly Statement[] {
  if (scan.order.kind === "left") return leftScan(emission, scan, scan.order.first);
  return isOrdered(scan) ? orderedScan(emission, scan) : unorderedScan(emission, scan);
}

/** Stores what is kept of the accumulator, which goes by the name `running`. */
function storing({ kernel, names, own, helpers }: Emission, scan: Scan): Statement {
  const nowhere = identifier("undefined");
  const emitter = new BodyEmitter(kernel, names, nowhere, nowhere, { yield: () => [] }, helpers);
  return assign(at(identifier(own.output), identifier(own.i)), stored(scan.element, scan.stored, emitter));
}

/** The accumulator's next value, and what is stored: the old value or the new one. What is computed of the element comes first, for the result may lie in its place. */
function advancing(emission: Emission, scan: Scan, next: Expression): readonly Statement[] {
  const { names, own } = emission;
  const running = identifier(names.of(scan.running));
  const store = storing(emission, scan);
  if (!scan.exclusive) return [assign(running, next), store];
  return [declare("const", own.next, next), store, assign(running, identifier(own.next))];
}

/** From left to right, one element after the other. */
function leftScan(emission: Emission, scan: Scan, first: string | null): readonly Statement[] {
  const { names, own } = emission;
  const running = names.of(scan.running);
  const inner = elementBody(emission, {
    yield: ([value], emitter) => advancing(emission, scan, emitter.value(value as Expr)),
    ...(first === null ? {} : {
      declared: {
        name: first,
        then: skeleton(`if (i === 0) { START; NEXT; }`, { ...own, NEXT, START: advancing(emission, scan, identifier(names.of(first))) }),
      },
    }),
  });
  return filled(emission, `let $running = state.value; ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.value = $running; state.count += end - begin;`, inner, { $running: running });
}

/** Operators that give the same in any order need not keep to one. */
function unorderedScan(emission: Emission, scan: Scan): readonly Statement[] {
  const { names } = emission;
  const running = names.of(scan.running);
  const rule = ruleOf(scan);
  const inner = elementBody(emission, {
    yield: ([term], emitter) => advancing(emission, scan, step(emission, rule, identifier(running), converted(rule.term, scan.type, emitter.value(term as Expr)))),
  });
  return filled(emission, `let $running = state.value; ELEMENT: for (let i = begin; i < end; i++) { BODY; } state.value = $running; state.count += end - begin;`, inner, { $running: running });
}

function ruleOf({ order, type }: Scan) {
  if (order.kind === "left") throw new CompilerBug("an ordered scan has no operator");
  return { op: order.op, type, term: order.term };
}

/** Float sums and products, in the canonical scan order. */
function orderedScan(emission: Emission, scan: Scan): readonly Statement[] {
  const { names, own } = emission;
  const rule = ruleOf(scan);
  const lane = (place: Expression): Expression => at(identifier(own.lanes), place);
  const here = lane(binary("&", identifier(own.i), number(LANES - 1)));
  const inner = elementBody(emission, {
    yield: ([term], emitter) => [assign(here as never, converted(rule.term, scan.type, emitter.value(term as Expr)))],
  });
  const join = (left: Expression, right: Expression): Expression => step(emission, rule, left, right);
  const scanRow: HelperName = rule.op === "add" ? "scanSums" : "scanProducts";
  emission.helpers.needed.set(scanRow, scanRow);
  const inRow = join(identifier(own.value), join(identifier(own.carry), here));
  const running = names.of(scan.running);
  const each = scan.exclusive
    ? [...skeleton(`const $running = left;`, { ...own, $running: running }), storing(emission, scan), assign(identifier(own.left), inRow)]
    : [...skeleton(`const $running = $value;`, { ...own, $running: running, $value: inRow }), storing(emission, scan)];
  return filled(
    emission,
    `
    const { lanes } = state;
    let { value } = state;
    for (let block = begin; block < end; block += ${BLOCK}) {
      const stop = Math.min(block + ${BLOCK}, end);
      let carry = $identity;
      ${scan.exclusive ? "let left = value;" : ""}
      for (let row = block; row < stop; row += ${LANES}) {
        const edge = Math.min(row + ${LANES}, stop);
        ELEMENT: for (let i = row; i < edge; i++) { BODY; }
        if (edge - row < ${LANES}) lanes.fill($identity, edge - row);
        ${scanRow}(lanes);
        for (let i = row; i < edge; i++) { EACH; }
        carry = $row;
      }
      value = $carried;
    }
    state.value = value;
    state.count += end - begin;`,
    inner,
    {
      $identity: constant(identityOf(rule.op, scan.type)),
      $row: join(identifier(own.carry), lane(number(LANES - 1))),
      $carried: join(identifier(own.value), identifier(own.carry)),
      EACH: each,
    },
  );
}
