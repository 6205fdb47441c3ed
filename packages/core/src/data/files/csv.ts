/** Tables of text: comma, semicolon or tab between fields, quotes as RFC 4180 has them. */
import { decodeText } from "./text.js";

export interface Csv {
  /** Fields of the first row, trimmed. */
  readonly header: readonly string[];
  /** The other rows that are not empty. */
  readonly rows: readonly CsvRow[];
}

export interface CsvRow {
  /** In the file, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * A field of text. What a spreadsheet would take for a formula begins with an apostrophe, as one types it there
 * (`plainCsvText` takes it away); quoted where a comma, a quote or a line's end is in it (RFC 4180).
 */
export function csvText(text: string): string {
  const plain = /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

export function plainCsvText(field: string): string {
  return /^'+[=+\-@\t\r]/.test(field) ? field.slice(1) : field;
}

/** Rows of a table. The separator is the one of `,;\t` that the first line has most of. */
export function parseCsv(bytes: Uint8Array): Csv {
  const text = decodeText(bytes);
  const end = text.search(/\r|\n/);
  const first = end < 0 ? text : text.slice(0, end);
  const count = (separator: string) => first.split(separator).length;
  const separator = [",", ";", "\t"].reduce((best, each) => (count(each) > count(best) ? each : best));
  const rows: CsvRow[] = [];
  let fields: string[] = [];
  let line = 1;
  let start = 1;
  let at = 0;
  const endRow = () => {
    if (fields.some((field) => field !== "")) rows.push({ line: start, fields });
    fields = [];
  };
  while (at < text.length) {
    let field = "";
    while (text[at] === " ") at++;
    if (text[at] === '"') {
      for (at++; at < text.length; at++) {
        if (text[at] === '"') {
          if (text[at + 1] !== '"') break;
          at++;
        }
        if (text[at] === "\n") line++;
        field += text[at];
      }
      at++;
    }
    const from = at;
    while (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") at++;
    field += text.slice(from, at);
    fields.push(field.trim());
    if (text[at] === separator) {
      at++;
      if (at === text.length || text[at] === "\n" || text[at] === "\r") fields.push("");
      if (at < text.length && text[at] !== "\n" && text[at] !== "\r") continue;
    }
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    at++;
    line++;
    endRow();
    start = line;
  }
  if (fields.length > 0) endRow();
  const [head, ...rest] = rows;
  return { header: head?.fields ?? [], rows: rest };
}
