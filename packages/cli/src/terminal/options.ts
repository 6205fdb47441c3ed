/** Parsers of option values. Their errors are usage errors (exit code 2) that name the option and the value. */
import { InvalidArgumentError } from "commander";

/** Converts text to a value and describes the accepted values for the help, the reference and shell completion. */
export interface Parser<T> {
  (text: string): T;
  /** "an integer from 1 to 64"; absent where the option's own help says it. */
  readonly takes?: string;
  /** All accepted values, where they are a few words. */
  readonly words?: readonly string[];
}

/** Parser of an integer in min..max. */
export function integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): Parser<number> {
  const takes = described("an integer", min, max);
  return withTakes(takes, (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`It is ${takes}.`);
    return value;
  });
}

/** Parser of a number in min..max. */
export function number(min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Parser<number> {
  const takes = described("a number", min, max);
  return withTakes(takes, (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < min || value > max)
      throw new InvalidArgumentError(`It is ${takes}.`);
    return value;
  });
}

/** Parser of a fraction 0..1. */
export const fraction = number(0, 1);

/** Parser of comma-separated numbers in min..max. */
export function numbers(min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Parser<number[]> {
  const range = described("", min, max);
  return withTakes(`numbers${range}, separated by commas`, (text) => {
    const list = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
    if (!list.every((value) => Number.isFinite(value) && value >= min && value <= max))
      throw new InvalidArgumentError(`It is numbers${range}, separated by commas.`);
    return list;
  });
}

/** Parser of comma-separated sizes, optionally preceded by a name. */
export const namedSizes: Parser<{ name?: string; sizes: number[] }> = withTakes("N,N,... or NAME=N,N,...", (text) => {
  const at = text.lastIndexOf("=");
  const sizes = text
    .slice(at + 1)
    .split(",")
    .map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  if (at === 0 || !sizes.every((size) => size >= 1 && size <= 65536))
    throw new InvalidArgumentError(
      "It is sizes from 1 to 65536, separated by commas, for example 1,96,96,3 or NAME=1,96,96,3.",
    );
  return { sizes, ...(at > 0 && { name: text.slice(0, at) }) };
});

/** Parser of comma-separated names. */
export const names: Parser<string[]> = withTakes("names separated by commas", (text) => {
  const list = text.split(",").map((name) => name.trim());
  if (list.includes("")) throw new InvalidArgumentError("It is names separated by commas.");
  return list;
});

/** Parser of one of a few words. */
export function oneOf<T extends string>(...words: readonly T[]): Parser<T> {
  const parse = (text: string): T => {
    if (!words.includes(text as T)) throw new InvalidArgumentError(`It is one of ${words.join(", ")}.`);
    return text as T;
  };
  return Object.assign(parse, { words });
}

/** Parser of a comma-separated selection from a few words. */
export function someOf<T extends string>(...words: readonly T[]): Parser<T[]> {
  const parse = (text: string): T[] => {
    const list = text.split(",") as T[];
    if (!list.every((word) => words.includes(word)))
      throw new InvalidArgumentError(`It is a list of: ${words.join(", ")}.`);
    return list;
  };
  return Object.assign(parse, { words, takes: `one or more of ${words.join(",")}` });
}

/** Parser of a picture size: "128" (square) or "96x160" (height x width). */
export const pictureSize: Parser<{ height: number; width: number }> = withTakes("N or HEIGHTxWIDTH", (text) => {
  const match = /^(\d{1,5})(?:[xX](\d{1,5}))?$/.exec(text);
  const height = Number(match?.[1]);
  const width = Number(match?.[2] ?? match?.[1]);
  if (!match || height < 1 || width < 1) throw new InvalidArgumentError("It is N or HEIGHTxWIDTH in pixels.");
  return { height, width };
});

/** Collects the values of a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function withTakes<T>(takes: string, parse: (text: string) => T): Parser<T> {
  return Object.assign(parse, { takes });
}

/** "an integer from 1 to 64", "a number of at least 0" */
function described(what: string, min: number, max: number): string {
  const low = Number.isFinite(min) && min !== Number.MIN_SAFE_INTEGER;
  const high = Number.isFinite(max) && max !== Number.MAX_SAFE_INTEGER;
  if (low && high) return `${what} from ${min} to ${max}`;
  if (low) return `${what} of at least ${min}`;
  return high ? `${what} of at most ${max}` : what;
}
