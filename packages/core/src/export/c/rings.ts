/** The locations of a program's values as C. */
import type { Graph } from "../../graph/index.js";
import type { Place, Program, Spot } from "../../target/index.js";
import { sizeOf } from "../../tensor/index.js";

const banks = { input: "PHINETS_INPUT_BANK", output: "PHINETS_OUTPUT_BANK", arena: "PHINETS_ARENA_BANK" } as const;

/** C expression of an arena bank's index. */
export const arenaBank = ({ bank }: Pick<Spot, "bank">): string =>
  bank === 0 ? banks.arena : `${banks.arena} + ${bank}`;

/** A value's ring as phinets_ring: offset, stride, rows, bank. */
export function ringOf(graph: Graph, { lowering, places }: Program, name: string): string {
  const value = lowering.values.get(name)!;
  type Rows = Pick<Place, "offset" | "stride" | "rows" | "slots">;
  const ring = ({ offset, stride, rows, slots = rows }: Rows, bank: string): string =>
    `{${offset}, ${stride}, ${slots}, ${bank}}`;
  if (name === lowering.input) return ring({ offset: 0, stride: value.width * value.channels, rows: 0 }, banks.input);
  const at = lowering.outputs.indexOf(name);
  if (at < 0) return ring(places.get(name)!, arenaBank(places.get(name)!));
  const before = graph.outputs.slice(0, at).reduce((sum, output) => sum + sizeOf(graph.shapes[output]), 0);
  return ring({ offset: before, stride: value.width * value.channels, rows: value.height }, banks.output);
}
