/** Tables of Markdown pages. */

/** Lines of a table, columns padded to their widest cell. Cells are as they stand: `|` in them is the caller's to escape. */
export function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = titles.map((title, c) => Math.max(title.length, ...rows.map((cells) => cells[c].length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, c) => cell.padEnd(widths[c])).join(" | ")} |`;
  return [line(titles), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)];
}
