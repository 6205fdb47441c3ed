/** Writes C constants as text. */
import type { Shape } from "../../tensor/index.js";

const columns = 120;

/** `static const int8_t name[n] = {...};`, wrapped at 120 columns. `linkage` replaces `static`. */
export function arrayDefinition(
  type: "int8_t" | "uint8_t" | "int32_t" | "double" | "char *const",
  name: string,
  values: Iterable<number | string>,
  linkage: "static " | "" = "static ",
): string {
  const items = Array.from(values, type === "double" ? doubleLiteral : type === "int32_t" ? int32Literal : String);
  const head = `${linkage}const ${type} ${name}[${items.length}] = {`;
  const oneLine = `${head}${items.join(", ")}};`;
  if (oneLine.length <= columns) return oneLine;
  const lines: string[] = [];
  let line = " ";
  for (const item of items) {
    if (line.length + item.length + 2 > columns) {
      lines.push(line);
      line = " ";
    }
    line += ` ${item},`;
  }
  lines.push(line);
  return `${head}\n${lines.join("\n")}\n};`;
}

/** -2147483648 is an expression of type long in C; the parenthesised form is an int. */
function int32Literal(value: number | string): string {
  return value === -2147483648 ? "(-2147483647 - 1)" : String(value);
}

/** A float literal that reads back as the same float32. */
export function floatLiteral(value: number | string): string {
  const single = Math.fround(Number(value));
  // Nine significant digits identify every float32.
  for (let digits = 1; digits <= 9; digits++) {
    const text = single.toPrecision(digits);
    if (Math.fround(Number(text)) === single) {
      const short = String(Number(text));
      return `${/[.e]/.test(short) ? short : `${short}.0`}f`;
    }
  }
  throw new RangeError(`floatLiteral: ${value} is not a finite number`);
}

/** A double literal that reads back as the same float64; infinity is the macro of math.h. */
export function doubleLiteral(value: number | string): string {
  const text = String(value);
  if (text === "Infinity") return "INFINITY";
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** A C string literal, ASCII only. */
export function stringLiteral(text: string): string {
  let literal = "";
  for (const byte of utf8(text)) {
    const character = String.fromCharCode(byte);
    // An octal escape has at most three digits, so what follows it is never swallowed; "?" could start a trigraph.
    literal +=
      byte < 32 || byte > 126 || '"\\?'.includes(character) ? `\\${byte.toString(8).padStart(3, "0")}` : character;
  }
  return `"${literal}"`;
}

function utf8(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return bytes;
}

/** Text made safe for a C comment on one line. */
export function commentText(text: string): string {
  return text
    .replace(/[^\x20-\x7e]/g, "?")
    .replaceAll("*/", "* /")
    .replaceAll("/*", "/ *");
}

/** `{48, 48, 8}` of a batch-1 map; dense values are maps of one pixel. */
export function mapLiteral(shape: Shape): string {
  const [height, width, channels] = mapOf(shape);
  return `{${height}, ${width}, ${channels}}`;
}

/** Height, width and channels of a batch-1 value; `[1, features]` is a map of one pixel. */
export function mapOf(shape: Shape): readonly [height: number, width: number, channels: number] {
  return shape.length === 4 ? [shape[1], shape[2], shape[3]] : [1, 1, shape[shape.length - 1]];
}

/** `1234567` as `1,234,567`. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
