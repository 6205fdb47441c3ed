/** A folder in which a page's code blocks run as for a reader: `npx phinets` works, and pictures are present. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Scripts for `phinets` and `npx PROGRAM` without npm's start-up time. They append the options that the block's `with:`
 * gives for a command. They run the output of `npm run build`, as an installed package does.
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

/** Makes a page's folder: installed packages, a copy of `material`, and links under their names. */
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
  /** Both streams, line by line, without progress. */
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

/** Lines with numbers, their units and the widths of tables masked. */
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

/** The first line of `wanted` that is missing in `output`, ignoring numbers; undefined where there is none. */
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

/** Whether the output matches what a page shows; `...` stands for any lines, or for any text within a line. */
export function isShown(output: string, shown: string): boolean {
  const quoted = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const pattern = shown
    .trimEnd()
    .split("\n")
    .map((line) => (line.trim() === "..." ? "(?:.*\\n)*?" : `${quoted(line).replace(/\\\.\\\.\\\./g, ".*")}[ ]*\\n`))
    .join("");
  return new RegExp(`^${pattern}$`).test(`${output}\n`);
}
