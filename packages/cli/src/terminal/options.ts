/** Parsers for option values; what they throw is a wrong usage (exit code 2) that names the option and the value. */
import { InvalidArgumentError } from "commander";

/** Parser of an integer in min..max. */
export function integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`It is an integer ${range(min, max)}.`);
    return value;
  };
}

/** Parser of a number in min..max. */
export function number(min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < min || value > max)
      throw new InvalidArgumentError(`It is a number ${range(min, max)}.`);
    return value;
  };
}

/** Parser of a fraction 0..1. */
export const fraction = number(0, 1);

/** Parser of numbers with commas between. */
export function numbers(text: string): number[] {
  const list = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!list.every(Number.isFinite)) throw new InvalidArgumentError("It is numbers with commas between.");
  return list;
}

/** Parser of one of a few words. */
export function oneOf<T extends string>(...words: readonly T[]): (text: string) => T {
  return (text) => {
    if (!words.includes(text as T)) throw new InvalidArgumentError(`It is one of ${words.join(", ")}.`);
    return text as T;
  };
}

/** Parser of a picture size: "128" (square) or "96x160" (height x width). */
export function pictureSize(text: string): { height: number; width: number } {
  const match = /^(\d{1,5})(?:[xX](\d{1,5}))?$/.exec(text);
  const height = Number(match?.[1]);
  const width = Number(match?.[2] ?? match?.[1]);
  if (!match || height < 1 || width < 1) throw new InvalidArgumentError("It is N or HEIGHTxWIDTH in pixels.");
  return { height, width };
}

/** Collects an option that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function range(min: number, max: number): string {
  const low = Number.isFinite(min) && min !== Number.MIN_SAFE_INTEGER;
  const high = Number.isFinite(max) && max !== Number.MAX_SAFE_INTEGER;
  if (low && high) return `from ${min} to ${max}`;
  if (low) return `of at least ${min}`;
  return high ? `of at most ${max}` : "";
}
