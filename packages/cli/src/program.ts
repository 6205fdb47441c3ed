/** Runs one command line: arguments in, exit code out. All errors are rendered here. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { nearest, PhinetsError } from "@phinets/core/tensor";
import { shellQuote, visible } from "@phinets/node/text";
import { Command, CommanderError, type Option } from "commander";
import { verbs as allVerbs, type Verb } from "./commands/index.js";
import { shownDefinitions } from "./surface.js";
import { colourLine, makeColours, wantsColours } from "./terminal/colours.js";
import { applyConfig, givenOptions } from "./terminal/config.js";
import { makeContext, type Output } from "./terminal/context.js";
import { definitionOf } from "./terminal/definition.js";
import { configureHelp, textBelow } from "./terminal/help.js";

export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted to interrupt the command; an `Interruption` as the reason determines the exit code. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** Default: all commands. */
  readonly verbs?: readonly Verb[];
}

/** Exit codes: success, failure, wrong usage, and the shell's codes for SIGINT (Ctrl-C) and SIGTERM. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** Abort reason for a signal that asks the command to end. */
export class Interruption extends Error {
  override readonly name = "AbortError";
  constructor(readonly by: "SIGINT" | "SIGTERM") {
    super("interrupted");
  }
}

/**
 * Runs `phinets` with the arguments `words` (without node and script) and returns the exit code. With --json, stdout
 * gets exactly one JSON document: the command's answer, or `{"error": {code, message, path}}`. Errors are printed to
 * stderr in any case.
 */
export async function runProgram(given: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, signal, version, verbs = allVerbs } = surroundings;
  const words = helpLast(given);
  const json = beforeDashes(words).includes("--json");
  const context = makeContext({ json, stdout, stderr, signal, words: given });
  const short = beforeDashes(words).includes("-h");
  const program = new Command("phinets")
    .description("Labelled pictures and a board in, proven detection and tracking firmware out.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [verb]", "show a verb's help")
    .exitOverride();
  configureHelp(program, { stdout, stderr, json, short });
  const sayHowToGoOn = (): void => {
    if (signal.aborted && context.resume) stderr.write(`to continue: ${shellQuote(["phinets", ...context.resume])}\n`);
  };
  try {
    const wanted = words.find((word) => !word.startsWith("-"));
    const verb = verbs.find(({ name }) => name === wanted);
    for (const other of verbs) {
      if (other === verb) (await other.load()).register(program, context);
      else program.command(other.name).summary(other.summary).description(other.summary).allowUnknownOption();
    }
    program.option("--json", "print one JSON document");
    const command = program.commands.find((candidate) => candidate.name() === verb?.name);
    if (command) prepare(command.summary(verb!.summary), (each) => textBelow(each, short, json ? stderr : stdout));
    if (words.every((word) => word === "--json")) {
      program.outputHelp();
      return json ? exitCodes.usage : exitCodes.done;
    }
    if (wanted !== undefined && wanted !== "help" && !verb) {
      program.error(
        `unknown verb '${wanted}'${suggestion(
          wanted,
          verbs.map(({ name }) => name),
        )}`,
        { code: "commander.unknownCommand" },
      );
    }
    const normal = command ? normalizeWords(words, command) : [...words];
    if (command) await readConfig(normal, command, { given: beforeDashes(words), verbs });
    await program.parseAsync(normal, { from: "user" });
    if (json && context.document !== undefined) stdout.write(`${JSON.stringify(context.document)}\n`);
    sayHowToGoOn();
    return signal.aborted ? interruptedCode(signal) : context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const { code, line, exitCode, path, stack } = explain(error, signal);
    stderr.write(`${colourLine(line, makeColours(wantsColours(stderr)))}\n`);
    sayHowToGoOn();
    if (stack) stderr.write(`${stack}\nthis is a bug: please report it with the lines above\n`);
    if (json) stdout.write(`${JSON.stringify({ error: { code, message: line.replace(/^error: /, ""), path } })}\n`);
    return exitCode;
  }
}

interface Explanation {
  readonly code: string;
  readonly line: string;
  readonly exitCode: number;
  readonly path?: string;
  readonly stack?: string;
}

/** Errors of exhausted system resources, wherever they occur, with the remedy. */
const shortages: Readonly<Record<string, string>> = {
  EMFILE: "allow this process more open files (ulimit -n 1024)",
  ENFILE: "close other programs: the whole machine has no more open files",
  ENOSPC: "make room on the disk and run it again",
  EDQUOT: "make room in the quota and run it again",
  EFBIG: "allow this process larger files (ulimit -f)",
  ENOMEM: "close other programs: there is no more memory",
  EAGAIN: "close other programs: no more processes or threads can be started",
};

function explain(error: unknown, signal: AbortSignal): Explanation {
  if (error instanceof CommanderError) {
    const line = error.message.replace(/\s*\n\s*/g, " ").replace("(Did you mean", "(did you mean");
    return { code: "cli.usage", line: line.startsWith("error: ") ? line : `error: ${line}`, exitCode: exitCodes.usage };
  }
  if (signal.aborted && error instanceof Error && (error.name === "AbortError" || error === signal.reason))
    return { code: "cli.interrupted", line: "error: interrupted", exitCode: interruptedCode(signal) };
  if (error instanceof PhinetsError) {
    const usage = error.code === "cli.usage" || error.code === "cli.config";
    // A tool that received the same signal fails with its own error.
    const failed = signal.aborted ? interruptedCode(signal) : exitCodes.failed;
    // A line end that is part of a file name is kept and escaped.
    const said = error.path?.includes("\n") ? error.message : error.message.replace(/\s*\n\s*/g, " ");
    const line = `error: ${visible(said)}`;
    return { code: error.code, line, exitCode: usage ? exitCodes.usage : failed, path: error.path };
  }
  const message = error instanceof Error ? error.message : String(error);
  const shortage = shortages[(error as { code?: string } | null)?.code ?? ""];
  if (shortage !== undefined) {
    const line = `error: ${visible(message.split("\n")[0])}; ${shortage}`;
    return { code: "cli.system", line, exitCode: exitCodes.failed };
  }
  const stack = error instanceof Error && error.stack ? error.stack : `${message}\n    (no stack)`;
  return { code: "cli.bug", line: `error: ${message.split("\n")[0]}`, exitCode: exitCodes.failed, stack };
}

function interruptedCode({ reason }: AbortSignal): number {
  return reason instanceof Interruption && reason.by === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
}

/** Adds --json where it is missing, and the text below the options. */
function prepare(command: Command, below: (command: Command) => string): void {
  for (const each of [command, ...command.commands]) {
    if (!each.options.some((option) => option.long === "--json"))
      each.option("--json", "print one JSON document on stdout");
    each.helpOption("-h, --help", "show help");
    each.addHelpText("after", () => below(each));
  }
}

/** Rewrites `help train` and `--help train` to `train --help`. */
function helpLast(words: readonly string[]): readonly string[] {
  if (words[0] === "help" && words.length > 1) return [...words.slice(1), "--help"];
  const flag = words.findIndex((word) => word === "--help" || word === "-h");
  const verb = words.findIndex((word) => !word.startsWith("-"));
  if (flag < 0 || verb < flag) return words;
  return [...words.slice(0, flag), ...words.slice(flag + 1), words[flag]];
}

/** Sets the options that the --cfg file gives. */
async function readConfig(
  words: readonly string[],
  verb: Command,
  { given, verbs }: { readonly given: readonly string[]; readonly verbs: readonly Verb[] },
): Promise<void> {
  const definition = definitionOf(verb);
  if (definition?.options.some(({ flags }) => flags === "--cfg <file>") !== true) return;
  const valueAfter = (option: string): string | undefined => {
    const at = beforeDashes(words).findLastIndex((word) => word === option || word.startsWith(`${option}=`));
    if (at < 0) return undefined;
    return words[at] === option ? words[at + 1] : words[at].slice(option.length + 1);
  };
  let file = valueAfter("--cfg");
  const sweep = definition.options.some(({ flags }) => flags.startsWith("--from-sweep"))
    ? valueAfter("--from-sweep")
    : undefined;
  if (sweep !== undefined) {
    if (file !== undefined)
      throw new PhinetsError("cli.usage", "--cfg and --from-sweep exclude each other; leave one out");
    const { bestRun } = await import("@phinets/node/sweep");
    file = join(bestRun(sweep, valueAfter("--target")), "args.yaml");
  }
  if (file === undefined) return;
  const { readOptionFile } = await import("@phinets/node/run");
  await applyConfig(verb, {
    file,
    entries: await readOptionFile(file),
    own: definition.options,
    all: async () => (await shownDefinitions(verbs)).flatMap(({ definition: { options } }) => options),
    given: givenOptions([...given, ...words], verb.options),
  });
}

const assignment = /^([a-z][a-z0-9_-]*)=(.*)$/is;

/**
 * Rewrites arguments for commander: `key=value` becomes `--key value`, and option names may use _ for -. Unchanged: the
 * value of a preceding option, the name of an existing file, and everything after `--`.
 */
export function normalizeWords(words: readonly string[], command: Command): string[] {
  const options = [command, ...command.commands].flatMap((each) => each.options as Option[]);
  const find = (name: string) => options.find((option) => option.long && plain(option.long) === plain(name));
  const out: string[] = [];
  let value = false; // whether this word is the value of the preceding option
  for (const [i, word] of words.entries()) {
    if (word === "--") return [...out, ...words.slice(i)];
    const pair = assignment.exec(word);
    if (value) {
      out.push(word);
      value = false;
    } else if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word : word.slice(0, equals);
      const option = find(name);
      if (equals < 0) out.push(option?.long ?? name);
      else out.push(...joined(option, name, word.slice(equals + 1)));
      value = equals < 0 && option?.required === true;
    } else if (word.startsWith("-")) {
      out.push(word);
      value = options.find((option) => option.short === word)?.required === true;
    } else if (pair && !pair[1].includes("/") && !existsSync(word)) {
      const option = find(pair[1]);
      const negated = find(`no-${pair[1]}`);
      const takesValue = option ? option.required || option.optional : !negated;
      if (takesValue) out.push(...joined(option, `--${pair[1]}`, pair[2]));
      else if (/^(true|1|yes|)$/i.test(pair[2])) out.push(...(option ? [option.long!] : []));
      else if (/^(false|0|no)$/i.test(pair[2])) out.push(...(negated ? [negated.long!] : []));
      else out.push(`${(option ?? negated)!.long}=${pair[2]}`);
    } else {
      out.push(word);
    }
  }
  return out;
}

/** An unknown option stays a separate word, so that commander can suggest a similar one. */
function joined(option: Option | undefined, name: string, value: string): string[] {
  return option?.long ? [`${option.long}=${value}`] : [name, value];
}

function plain(name: string): string {
  return name.replace(/^--/, "").replaceAll("_", "-").toLowerCase();
}

function beforeDashes(words: readonly string[]): readonly string[] {
  const dashes = words.indexOf("--");
  return dashes < 0 ? words : words.slice(0, dashes);
}

/** " (did you mean X?)" for the nearest name, where one is similar enough. */
export function suggestion(word: string, names: readonly string[]): string {
  const near = nearest(word, names);
  return near === undefined ? `; verbs: ${names.join(", ")}` : ` (did you mean ${near}?)`;
}
