/** Generates docs/command-line.md from the definitions. */
import { markdownTable } from "@phinets/node/text";
import type { ShownVerb } from "./surface.js";
import { defaultText, groupsOf, mainGroup, type OptionDefinition } from "./terminal/definition.js";

const introduction = `# Command line

\`phinets VERB --help\` shows the same text, and \`-h\` only the most important options. This page is generated from the definitions of the options.

- An option can be written \`--epochs 30\`, \`--epochs=30\` or \`epochs=30\`, and with _ instead of -.
- \`--json\` prints one JSON document on stdout instead of text: the result, or \`{"error": {code, message, path}}\`.
- \`--cfg FILE\` reads options from a YAML file. Keys are the names of the options, or those of a run's args.yaml:
  \`phinets train --cfg runs/detect/train/args.yaml\` repeats a run, and further options vary it. The command line overrides the file.
  Paths are relative to the file. Options of other verbs are ignored; a key that no verb has is an error with its line and column.
  \`phinets init FOLDER\` writes such a file for a data set.
- Exit codes: 0 success; 1 failure, or a check that did not pass; 2 wrong usage; 130 ended by Ctrl-C; 143 ended by SIGTERM. An interrupted
  command prints the command that continues it, if there is one.
- Output is coloured only on terminals. NO_COLOR and TERM=dumb turn colours off, FORCE_COLOR turns them on.
- \`phinets completion bash|zsh|fish\` prints a script that completes verbs, options, boards and files.
- \`--out\` names a new file or folder, or one that phinets wrote. Other files are never replaced.
`;

export function commandLinePage(verbs: readonly ShownVerb[]): string {
  return [introduction, ...verbs.map(verbSection)].join("\n");
}

function verbSection({ name, definition }: ShownVerb): string {
  const { description, arguments: args = [], examples, note } = definition;
  const usage = ["phinets", name, ...args.map((each) => each.name), "[options]"].join(" ");
  const tables = groupsOf(definition).map(({ title, options }) => {
    const heading = title === mainGroup ? [] : [`**${title}**`, ""];
    return [...heading, ...markdownTable(titles, options.map(row)), ""].join("\n");
  });
  return [
    `## phinets ${name}`,
    "",
    `\`${usage}\``,
    "",
    escaped(description),
    "",
    ...args.map(({ name: argument, help }) => `- \`${argument}\`: ${escaped(help)}`),
    ...(args.length > 0 ? [""] : []),
    ...examples.map(([line, what]) => `- \`${line}\`: ${escaped(what)}`),
    ...(examples.length > 0 ? [""] : []),
    ...tables,
    ...(note === undefined ? [] : [escaped(note), ""]),
  ].join("\n");
}

const titles = ["option", "takes", "default", "meaning"];

function row(option: OptionDefinition): string[] {
  const flags = `\`${option.flags.replaceAll("|", "\\|")}\`${option.repeatable ? ", repeatable" : ""}`;
  return [
    flags,
    escaped(takes(option)),
    escaped(defaultText(option) ?? (option.required ? "required" : "")),
    escaped(option.help),
  ];
}

function takes({ flags, parse }: OptionDefinition): string {
  if (!/[<[]/.test(flags)) return "";
  return parse?.takes ?? parse?.words?.join(", ") ?? "";
}

/** Escapes text for a cell or a paragraph. */
const escaped = (text: string): string => text.replace(/[|<>*_]/g, "\\$&");
