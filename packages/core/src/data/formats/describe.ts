/** Describes an opened data set in the lines that every command prints first. */
import type { OpenedTree } from "./open.js";
import type { Counted } from "./open-log.js";
import { singular } from "./singular.js";

export interface DescribeOptions {
  /** Maximum number of problems listed; further ones are counted. Default 10. */
  readonly mostNamed?: number;
}

/**
 * Lines without line ends: the format and how it was recognised, notes, corrections, what was not read, and what
 * `--skip-bad` leaves out.
 */
export function describeOpened(set: OpenedTree, path: string, options: DescribeOptions = {}): string[] {
  const { mostNamed = 10 } = options;
  const { problems } = set;
  const lines = [`data: ${path} is ${set.recognised}`];
  for (const note of set.notes) lines.push(`note: ${note}`);
  for (const change of set.changes) lines.push(`note: ${countedLine(change)}`);
  for (const kind of set.notRead) lines.push(`not read: ${countedLine(kind)}`);
  for (const { error } of problems.slice(0, mostNamed)) lines.push(`skipped: ${error.message.split("; ")[0]}`);
  if (problems.length > mostNamed)
    lines.push(`skipped: ${problems.length - mostNamed} more; phinets doctor lists them`);
  if (problems.length > 0) lines.push(`warning: ${countLeftOut(set)} left out`);
  return lines;
}

/** A line such as `12 rows equal to one before are left out (a.txt:3, a.txt:4, b.txt:1, ...)`. */
export function countedLine({ what, count, examples }: Counted): string {
  return `${count} ${count === 1 ? singular(what) : what} (${examples.join(", ")}${count > examples.length ? ", ..." : ""})`;
}

/** What `--skip-bad` leaves out, such as `3 rows of 41 and 1 picture of 20`. */
export function countLeftOut({ problems, rows, splits }: Pick<OpenedTree, "problems" | "rows" | "splits">): string {
  const pictures = Object.values(splits).reduce((sum, samples) => sum + samples.length, 0);
  const parts = (["row", "picture", "file"] as const).flatMap((what) => {
    const count = problems.filter(({ leavesOut }) => leavesOut === what).length;
    if (count === 0) return [];
    const of = what === "row" ? ` of ${Math.max(rows, count)}` : what === "picture" ? ` of ${pictures + count}` : "";
    return [`${count} ${what}${count === 1 ? "" : "s"}${of}`];
  });
  return parts.join(" and ");
}
