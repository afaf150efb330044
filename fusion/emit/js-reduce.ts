/** The steps of an ordered reduction in JavaScript that follow its loop over elements. */
import type { Expression, Statement } from "estree";
import { identityOf } from "../interpret.js";
import type { SinkOf } from "../ir.js";
import { BLOCK, LANES } from "../types.js";
import { at, binary, identifier, skeleton } from "./estree.js";
import { constant, step, type Emission, type Own } from "./js-loop.js";

/** `own`: the names that this reduction has among several. */
type Reducing = Pick<Own, "lane" | "lanes" | "half" | "block" | "bit" | "total" | "tree" | "depth" | "state" | "end" | "call">;

/** What one block's lanes come to, put on the tree. */
export function joinedBlock(emission: Emission, sink: SinkOf<"reduce">, own: Reducing): readonly Statement[] {
  const lane = (place: Expression): Expression => at(identifier(own.lanes), place);
  const upper = lane(binary("+", identifier(own.lane), identifier(own.half)));
  return skeleton(
    `
    // The lanes fold by halves.
    for (let half = ${LANES / 2}; half > 0; half >>= 1) {
      for (let lane = 0; lane < half; lane++) lanes[lane] = $lanes;
    }
    // Blocks join as a balanced tree: two runs of the same length become one.
    let total = lanes[0];
    for (let bit = block / ${BLOCK}; (bit & 1) === 1; bit >>= 1) total = $runs;
    tree[depth++] = total;`,
    { ...own, $lanes: step(emission, sink, lane(identifier(own.lane)), upper), $runs: runsJoined(emission, sink, own) },
  );
}

/** With the last slice, the value of the whole tree. */
export function joinedRuns(emission: Emission, sink: SinkOf<"reduce">, own: Reducing): readonly Statement[] {
  return skeleton(
    `if (end === call.length) {
      let total = depth > 0 ? tree[--depth] : $identity;
      while (depth > 0) total = $runs;
      state.value = total;
    }`,
    { ...own, $identity: constant(identityOf(sink.op, sink.type)), $runs: runsJoined(emission, sink, own) },
  );
}

function runsJoined(emission: Emission, sink: SinkOf<"reduce">, own: Reducing): Expression {
  const popped = at(identifier(own.tree), { type: "UpdateExpression", operator: "--", prefix: true, argument: identifier(own.depth) });
  return step(emission, sink, popped, identifier(own.total));
}
