/** Formats text in aligned columns. */

export interface Column {
  readonly title: string;
  /** Default: right where every cell looks like a number, else left. */
  readonly align?: "left" | "right";
}

const numeric = /^[-+]?[\d,.]+( ?(%|B|[KMG]iB|[kMG]?MAC|ms|µs|s|[kMG]?Hz|x))?$|^-?$/;

/**
 * A table as lines, columns two spaces apart, a rule below the titles, no trailing spaces. Cells may contain colour
 * codes. Titles may be plain strings. Missing cells are empty.
 */
export function formatTable(
  columns: readonly (Column | string)[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const heads = columns.map((column): Column => (typeof column === "string" ? { title: column } : column));
  const cells = rows.map((row) => heads.map((_, c) => String(row[c] ?? "")));
  const widths = heads.map((head, c) => Math.max(width(head.title), ...cells.map((row) => width(row[c]))));
  const aligns = heads.map(
    (head, c) =>
      head.align ?? (cells.length > 0 && cells.every((row) => numeric.test(stripColours(row[c]))) ? "right" : "left"),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, c) => {
        const padding = " ".repeat(widths[c] - width(cell));
        return aligns[c] === "right" ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd();
  return [line(heads.map((head) => head.title)), widths.map((w) => "─".repeat(w)).join("  "), ...cells.map(line)].join(
    "\n",
  );
}

/** `name  value` lines, values aligned. */
export function formatPairs(pairs: readonly (readonly [string, string | number])[]): string {
  const widest = Math.max(0, ...pairs.map(([name]) => width(name)));
  return pairs.map(([name, value]) => `${name}${" ".repeat(widest - width(name))}  ${value}`.trimEnd()).join("\n");
}

function width(text: string): number {
  return [...stripColours(text)].length;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
const escapes = /\u001b\[[0-9;]*m/g;

/** Removes colour codes. */
export function stripColours(text: string): string {
  return text.replace(escapes, "");
}
