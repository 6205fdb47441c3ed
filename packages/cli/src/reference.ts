/** Generates docs/command-line.md from the definitions. */
import { markdownTable } from "@phinets/node/text";
import type { ShownVerb } from "./surface.js";
import { defaultText, groupsOf, mainGroup, type OptionDefinition } from "./terminal/definition.js";

const introduction = `# Command line

\`phinets VERB --help\` says the same; \`-h\` shows only what matters first. This page is made from the definitions of the options.

- An option may be written \`--epochs 30\`, \`--epochs=30\` or \`epochs=30\`, with _ for -.
- \`--json\` prints one JSON document on stdout in place of text: the answer, or \`{"error": {code, message, path}}\`.
- \`--cfg FILE\` reads options from a YAML file: by their names, or as args.yaml of a run has them, so that
  \`phinets train --cfg runs/detect/train/args.yaml\` repeats a run and a word more varies it. What stands on the command line wins.
  Paths are seen from the file. Keys of other verbs are left alone; a key that no verb has is an error with its line and column.
  \`phinets init FOLDER\` writes such a file for a data set.
- Exit codes: 0 done; 1 failed, or the answer is bad news; 2 wrong usage; 130 ended by Ctrl-C; 143 ended by SIGTERM. An interrupted
  command says the line that goes on with it, where there is one.
- Colours are for terminals; NO_COLOR and TERM=dumb turn them off, FORCE_COLOR on.
- \`phinets completion bash|zsh|fish\` prints a script that completes verbs, options, boards and files.
- What \`--out\` names is a new file or folder, or one that phinets wrote: files of others are not replaced.
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
  const flags = `\`${option.flags.replaceAll("|", "\\|")}\`${option.repeatable ? ", again for more" : ""}`;
  return [
    flags,
    escaped(takes(option)),
    escaped(defaultText(option) ?? (option.required ? "needed" : "")),
    escaped(option.help),
  ];
}

function takes({ flags, parse }: OptionDefinition): string {
  if (!/[<[]/.test(flags)) return "";
  return parse?.takes ?? parse?.words?.join(", ") ?? "";
}

/** Escapes text for a cell or a paragraph. */
const escaped = (text: string): string => text.replace(/[|<>*_]/g, "\\$&");
