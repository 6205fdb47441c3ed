/** Layout of the help: main options first, the others in their groups, examples last. */
import type { Command, HelpConfiguration } from "commander";
import { makeColours, wantsColours } from "./colours.js";
import type { Output } from "./context.js";
import { definitionOf, groupsOf, mainGroup } from "./definition.js";

/** Used where the width is unknown. */
const usualWidth = 100;
const widest = 120;

/** Applies to the program and to every command that is added afterwards. */
export function configureHelp(
  program: Command,
  { stdout, stderr, json, short }: { stdout: Output; stderr: Output; json: boolean; short: boolean },
): void {
  // With --json the help is not the answer, so it goes to stderr.
  const output = json ? stderr : stdout;
  const { bold } = makeColours(wantsColours(output));
  const width = Math.min(output.columns ?? usualWidth, widest);
  program.configureOutput({
    writeOut: (text) => output.write(text),
    writeErr: (text) => stderr.write(text),
    outputError: () => {}, // runProgram prints errors as one line
    getOutHelpWidth: () => width,
    getErrHelpWidth: () => width,
    getOutHasColors: () => wantsColours(output),
    getErrHasColors: () => wantsColours(output),
  });
  const layout: HelpConfiguration = {
    styleTitle: bold,
    // The definition's text includes the default already.
    optionDescription: ({ description }) => description,
  };
  if (short) {
    layout.visibleOptions = (command) =>
      command.options.filter(({ helpGroupHeading = `${mainGroup}:` }) => helpGroupHeading === `${mainGroup}:`);
  }
  program.configureHelp(layout);
}

/** Text below a command's options: a note, examples and, with -h, the number of hidden options. */
export function textBelow(command: Command, short: boolean, output: Output): string {
  const definition = definitionOf(command);
  if (definition === undefined) return "";
  const { bold, dim } = makeColours(wantsColours(output));
  const { note, examples } = definition;
  const others = groupsOf(definition).filter(({ title }) => title !== mainGroup);
  const paragraphs = [
    ...(note === undefined ? [] : [note]),
    ...(examples.length === 0 ? [] : [[bold("Examples:"), ...exampleLines(examples, dim)].join("\n")]),
    ...(short && others.length > 0 ? [`${moreOptions(others)}: ${usageOf(command)} --help`] : []),
  ];
  return paragraphs.map((text) => `\n${text}`).join("\n");
}

function exampleLines(examples: readonly (readonly [string, string])[], dim: (text: string) => string): string[] {
  const longest = Math.max(...examples.map(([line]) => line.length));
  return examples.map(([line, what]) => `  ${line.padEnd(longest)}  ${dim(`# ${what}`)}`);
}

/** "59 more options" */
function moreOptions(others: ReturnType<typeof groupsOf>): string {
  return `${others.reduce((sum, { options }) => sum + options.length, 0)} more options`;
}

function usageOf(command: Command): string {
  return command.parent ? `${usageOf(command.parent)} ${command.name()}` : command.name();
}
