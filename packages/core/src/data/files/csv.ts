/** Reads and writes delimited text: comma, semicolon or tab between fields, quoting as in RFC 4180. */
import { decodeText } from "./text.js";

export interface Csv {
  /** Trimmed fields of the first row. */
  readonly header: readonly string[];
  /** The other non-empty rows. */
  readonly rows: readonly CsvRow[];
}

export interface CsvRow {
  /** Line number in the file, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * A text field for CSV. A text that a spreadsheet would interpret as a formula gets a leading apostrophe, as one would
 * type it there (`plainCsvText` removes it). Fields with a comma, quote or line end are quoted (RFC 4180).
 */
export function csvText(text: string): string {
  const plain = /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

export function plainCsvText(field: string): string {
  return /^'+[=+\-@\t\r]/.test(field) ? field.slice(1) : field;
}

/** Parses a table. The separator is the most frequent of `,;\t` in the first line. */
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
