/** Access to the instructions and layouts of instructions.ts by name instead of by position. */
import { onceInstructions, shardInstructions, sizes } from "./instructions.js";

/** The words of each instruction. */
export const instructions = { ...onceInstructions, ...shardInstructions };

export type Opcode = keyof typeof instructions;

export const opcodes = Object.fromEntries([
  ...Object.keys(onceInstructions).map((name, i) => [name, i]),
  ...Object.keys(shardInstructions).map((name, i) => [name, sizes.firstPerShard + i]),
]) as Readonly<Record<Opcode, number>>;

type Split<L extends string> = L extends `${infer First} ${infer Rest}` ? First | Split<Rest> : L;
type Name<W extends string> = W extends `${infer N}*${string}` ? N : W;
/** The names in a layout. */
export type NameOf<L extends string> = Exclude<Name<Split<L>>, "unused" | "">;

function partsOf(layout: string): { name: string; count: number }[] {
  return layout.split(" ").flatMap((word) => {
    const [name, count = "1"] = word.split("*");
    return name === "" ? [] : [{ name, count: Number(count) }];
  });
}

/** Offset of each name in a layout. */
export function offsetsOf<L extends string>(layout: L): Readonly<Record<NameOf<L>, number>> {
  let at = 0;
  const entries = partsOf(layout).map(({ name, count }) => {
    at += count;
    return [name, at - count];
  });
  return Object.fromEntries(entries) as Record<NameOf<L>, number>;
}

/** Arranges named values in a layout's order, with zeros for unused words. Names that the layout lacks are ignored. */
export function arrange<L extends string, W>(
  layout: L,
  given: Readonly<Record<NameOf<L>, W | readonly W[]>>,
): (W | number)[] {
  return partsOf(layout).flatMap(({ name, count }): (W | number)[] => {
    if (name === "unused") return new Array<number>(count).fill(0);
    const words = [(given as Readonly<Record<string, W | readonly W[]>>)[name]].flat() as W[];
    if (count !== 0 && words.length !== count) throw new Error(`"${name}" of "${layout}" has ${words.length} words`);
    return words;
  });
}
