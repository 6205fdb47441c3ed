/** A folder in which a page's blocks run as a reader runs them: `npx phinets` works, and pictures lie there. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * `phinets` and `npx PROGRAM` without npm's own start. To phinets they add what the block's `with:` says of the verb. What
 * runs is what `npm run build` built, as in an installed package.
 */
const wrapper = (program: string, bin: string): string => `#!/usr/bin/env bash
if [[ \${0##*/} == npx ]]; then
  name=$1
  shift
  [[ $name == phinets ]] || exec ${JSON.stringify(bin)}/"$name" "$@"
fi
set -f
while read -r verb options; do
  [[ $verb == "\${1:-}" ]] && set -- "$@" $options
done <<< "$DOCS_WITH"
exec ${JSON.stringify(process.execPath)} ${JSON.stringify(program)} "$@"
`;

/** Makes the programs that blocks call; returns their folder. */
export function makePrograms(folder: string, program: string, bin: string): string {
  mkdirSync(folder, { recursive: true });
  for (const name of ["npx", "phinets"]) {
    writeFileSync(join(folder, name), wrapper(program, bin));
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

/** A page's folder: packages as installed, a copy of `material`, and links under their names. */
export function makeFolder(
  folder: string,
  what: { root: string; material: string; links: Readonly<Record<string, string>> },
): string {
  cpSync(what.material, folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const links = { ...what.links, node_modules: join(what.root, "node_modules") };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name));
  return folder;
}

export interface Outcome {
  readonly status: number | null;
  /** Both streams in the order of their lines, without what only shows progress. */
  readonly output: string;
}

export function runShell(
  command: string,
  where: { folder: string; programs: string; extra: readonly string[] },
): Outcome {
  const { folder, programs, extra } = where;
  const { status, stdout } = spawnSync("bash", ["-euo", "pipefail", "-c", `exec 2>&1\n${command}`], {
    cwd: folder,
    encoding: "utf8",
    timeout: 300_000,
    env: {
      ...process.env,
      PATH: `${programs}${delimiter}${process.env.PATH}`,
      DOCS_WITH: extra.join("\n"),
      NO_COLOR: "1",
    },
  });
  const lines = stdout.split("\n").filter((line) => !/^\S.* \d+\/\d+.*, [\d.]+ (ms|s|min)( left|$)/.test(line));
  return { status, output: lines.join("\n").trimEnd() };
}

/** Lines in which numbers, their units and the widths of tables do not matter. */
const masked = (text: string): string[] =>
  text
    .split("\n")
    .map((line) =>
      line
        .replace(/\d[\d.,]*(?: ?(?:ms|s|min|B|KiB|MiB)\b)?/g, "#")
        .replace(/[\s─#]+/g, " ")
        .trim(),
    )
    .filter((line) => line !== "");

/** The first line of `wanted` that `output` does not have in its place, numbers aside; undefined where all are there. */
export function missingLine(output: string, wanted: string): string | undefined {
  const lines = masked(output);
  let at = 0;
  for (const line of masked(wanted)) {
    if (line === "...") continue;
    const found = lines.indexOf(line, at);
    if (found < 0) return line;
    at = found + 1;
  }
  return undefined;
}

/** Whether the output is what a page shows; `...` stands for any lines, or for anything inside a line. */
export function isShown(output: string, shown: string): boolean {
  const quoted = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const pattern = shown
    .trimEnd()
    .split("\n")
    .map((line) => (line.trim() === "..." ? "(?:.*\\n)*?" : `${quoted(line).replace(/\\\.\\\.\\\./g, ".*")}[ ]*\\n`))
    .join("");
  return new RegExp(`^${pattern}$`).test(`${output}\n`);
}
