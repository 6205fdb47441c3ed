/**
 * The working memory in C: one array per bank, which the linker script puts into the bank's region by the array's name.
 */
import type { Program } from "../../target/index.js";

export interface CArena {
  /** Name of the array: `<name>_arena`, or `<name>_arena_<region>` in a bank other than the arena's. */
  readonly symbol: string;
  /** Macro with its size in bytes. */
  readonly size: string;
  readonly bytes: number;
  /** The board's region; absent for the arena's own. */
  readonly region?: string;
}

/** A region's name as a C identifier and linker symbol. */
export function regionName(region: string): string {
  return region.replace(/\W/g, "_");
}

/** The arrays, in the order of the program's banks. */
export function arenasOf(name: string, { banks }: Pick<Program, "banks">): CArena[] {
  const upper = name.toUpperCase();
  return banks.map(({ region, bytes }): CArena => {
    const suffix = region === undefined ? "" : `_${regionName(region)}`;
    const part = suffix === "" ? "_MAIN" : suffix.toUpperCase();
    return {
      symbol: `${name}_arena${suffix}`,
      size: `${upper}_ARENA${banks.length === 1 ? "" : part}_BYTES`,
      bytes,
      ...(region !== undefined && { region }),
    };
  });
}

/** Parameter list of `<name>_context_init_banks`. */
export function bankParameters(name: string, program: Pick<Program, "banks">): string {
  const arenas = arenasOf(name, program).map(({ symbol }) => `int8_t *${symbol.slice(name.length + 1)}`);
  return [`${name}_context *context`, ...arenas].join(", ");
}

/** Lines of the header: size of all working memory, and of each bank where there are several. */
export function arenaMacros(name: string, program: Pick<Program, "banks" | "arenaBytes">): string[] {
  const all = [`#define ${name.toUpperCase()}_ARENA_BYTES ${program.arenaBytes}`];
  const arenas = arenasOf(name, program);
  if (arenas.length === 1) return ["/* Bytes of working memory. */", ...all];
  return [
    "/* Bytes of working memory: of all banks, and of each bank, fastest first. */",
    ...all,
    ...arenas.map(({ size, bytes }) => `#define ${size} ${bytes}`),
  ];
}

/** Definitions of the functions that give a context its memory. */
export function contextInit(name: string, program: Pick<Program, "banks">): string[] {
  const arenas = arenasOf(name, program);
  const join = (body: readonly string[]): string =>
    ["context->state.program = &program;", "context->state.next = context->next;", ...body]
      .map((line) => `  ${line}\n`)
      .join("");
  const bank = (i: number): string => `context->state.banks[PHINETS_ARENA_BANK${i === 0 ? "" : ` + ${i}`}]`;
  const one = `void ${name}_context_init(${name}_context *context, int8_t *arena)`;
  if (arenas.length === 1) return [`${one} {\n${join([`${bank(0)} = arena;`])}}`];
  const starts = arenas.map((_, i) => ["arena", ...arenas.slice(0, i).map(({ size }) => size)].join(" + "));
  return [
    `void ${name}_context_init_banks(${bankParameters(name, program)}) {\n${join(
      arenas.map(({ symbol }, i) => `${bank(i)} = ${symbol.slice(name.length + 1)};`),
    )}}`,
    "",
    `${one} {\n  ${name}_context_init_banks(context, ${starts.join(", ")});\n}`,
  ];
}
