/** Writes a run's text files, each atomically: network.json, args.yaml, results.csv. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError, showValue } from "@phinets/core/tensor";
import { stringify } from "yaml";
import { writeFileAtomic } from "../host/atomic.js";
import { readDocument } from "../host/document.js";

/** Writes network.json in the format of the specification; the object is what `parseNetwork` returns or reads. */
export function saveNetwork(folder: string, network: unknown): void {
  writeFileAtomic(join(folder, "network.json"), `${JSON.stringify(network, undefined, 1)}\n`);
}

/** Writes args.yaml: all options of the run, given and default. */
export function saveArguments(folder: string, options: Readonly<Record<string, unknown>>): void {
  writeFileAtomic(join(folder, "args.yaml"), stringify(options));
}

/** One line of results.csv by column name; numbers that are not finite are written as empty cells. */
export type ResultsRow = Readonly<Record<string, number>>;

/**
 * Appends rows to results.csv, whose first column is the epoch. Rows of the same or a later epoch are replaced, so that
 * a resumed run has one row per epoch. New columns are added at the right.
 */
export function appendResults(folder: string, ...rows: readonly ResultsRow[]): void {
  const path = join(folder, "results.csv");
  const existing = existsSync(path) ? parseResults(readText(path), path) : [];
  const firstEpoch = Math.min(...rows.map((row) => row.epoch));
  const all = [...existing.filter((row) => !(row.epoch >= firstEpoch)), ...rows];
  writeFileAtomic(path, formatResults(all));
}

/** Writes results.csv with these rows, as `readResults` returned them; false where the file has them already. */
export function restoreResults(folder: string, rows: readonly ResultsRow[]): boolean {
  const path = join(folder, "results.csv");
  const text = formatResults(rows);
  if (rows.length === 0 || (existsSync(path) && readText(path) === text)) return false;
  writeFileAtomic(path, text);
  return true;
}

function formatResults(rows: readonly ResultsRow[]): string {
  const columns = ["epoch", ...new Set(rows.flatMap((row) => Object.keys(row)).filter((name) => name !== "epoch"))];
  const lines = rows.map((row) => columns.map((name) => cell(row[name])).join(","));
  return `${[columns.join(","), ...lines].join("\n")}\n`;
}

/** Rows of a run's results.csv; empty when the run has none. */
export function readResults(folder: string): ResultsRow[] {
  const path = join(folder, "results.csv");
  return existsSync(path) ? parseResults(readText(path), path) : [];
}

function readText(path: string): string {
  return readDocument(path, { code: "run.results", remedy: "the file is not a run's results, move it away" });
}

function cell(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "";
  return String(Number(value.toPrecision(7)));
}

function parseResults(text: string, path: string): ResultsRow[] {
  const [head, ...lines] = text.trim().split("\n");
  const columns = head.split(",");
  if (columns[0] !== "epoch") {
    throw new PhinetsError(
      "run.results",
      `${path}:1: first column is ${showValue(columns[0])}, not "epoch"; the file is not a run's results, move it away`,
      path,
    );
  }
  const strange = columns.find((name) => !/^[A-Za-z][\w./]*$/.test(name));
  if (strange !== undefined) {
    throw new PhinetsError(
      "run.results",
      `${path}:1: ${showValue(strange)} is not the name of a figure; the file is not a run's results, move it away`,
      path,
    );
  }
  return lines.map((line, i) => {
    const cells = line.split(",");
    if (cells.length !== columns.length || cells.some((text) => Number.isNaN(Number(text)))) {
      throw new PhinetsError(
        "run.results",
        `${path}:${i + 2}: ${showValue(line)} is not ${columns.length} numbers; remove the line and run again`,
        path,
      );
    }
    return Object.fromEntries(columns.flatMap((name, c) => (cells[c] === "" ? [] : [[name, Number(cells[c])]])));
  });
}
