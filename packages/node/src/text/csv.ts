/** A line of CSV (RFC 4180). What a spreadsheet would take for a formula is given as text. */
export function csvLine(cells: readonly (string | number | boolean | undefined)[]): string {
  return cells.map(cell).join(",");
}

function cell(value: string | number | boolean | undefined): string {
  if (value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
