/** One run of the command line: words in, exit code out. Errors are rendered here and nowhere else. */
import { existsSync } from "node:fs";
import { PhinetsError } from "@phinets/core/tensor";
import { visible } from "@phinets/node/text";
import { Command, CommanderError, type Option } from "commander";
import { verbs as allVerbs, type Verb } from "./commands/index.js";
import { makeContext, type Output } from "./terminal/context.js";

export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
  readonly version: string;
  /** Default: every verb. */
  readonly verbs?: readonly Verb[];
}

/** Exit codes: done, failed, wrong usage, and the shell's for Ctrl-C. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * Runs `phinets` with `words` (without node and script) and returns the exit code. With --json stdout gets exactly one
 * JSON document: the command's answer, or `{"error": {code, message, path}}`; the error's line goes to stderr in any case.
 */
export async function runProgram(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, signal, version, verbs = allVerbs } = surroundings;
  const json = beforeDashes(words).includes("--json");
  const context = makeContext({ json, stdout, stderr, signal });
  const program = new Command("phinets")
    .description("Labelled pictures and a board in, proven detection and tracking firmware out.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "show help")
    .exitOverride()
    .configureOutput({
      // With --json help is not an answer: it goes where people look.
      writeOut: (text) => (json ? stderr : stdout).write(text),
      writeErr: (text) => stderr.write(text),
      outputError: () => {}, // printed below, as one line
    });
  try {
    const wanted = words.find((word) => !word.startsWith("-"));
    const verb = verbs.find(({ name }) => name === (wanted === "help" ? words[words.indexOf("help") + 1] : wanted));
    for (const other of verbs) {
      if (other === verb) (await other.load()).register(program, context);
      else program.command(other.name).summary(other.summary).description(other.summary).allowUnknownOption();
    }
    program.option("--json", "print one JSON document");
    const command = program.commands.find((candidate) => candidate.name() === verb?.name);
    if (command) prepare(command.summary(command.summary() || verb!.summary));
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
    await program.parseAsync(command ? normalizeWords(words, command) : [...words], { from: "user" });
    if (json && context.document !== undefined) stdout.write(`${JSON.stringify(context.document)}\n`);
    return signal.aborted ? exitCodes.interrupted : context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const { code, line, exitCode, path, stack } = explain(error, signal);
    stderr.write(`${line}\n`);
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

function explain(error: unknown, signal: AbortSignal): Explanation {
  if (error instanceof CommanderError) {
    const line = error.message.replace(/\s*\n\s*/g, " ").replace("(Did you mean", "(did you mean");
    return { code: "cli.usage", line: line.startsWith("error: ") ? line : `error: ${line}`, exitCode: exitCodes.usage };
  }
  if (signal.aborted && error instanceof Error && (error.name === "AbortError" || error === signal.reason))
    return { code: "cli.interrupted", line: "error: interrupted", exitCode: exitCodes.interrupted };
  if (error instanceof PhinetsError) {
    const usage = error.code === "cli.usage";
    // A line end that is part of a name is shown as one.
    const said = error.path?.includes("\n") ? error.message : error.message.replace(/\s*\n\s*/g, " ");
    const line = `error: ${visible(said)}`;
    return { code: error.code, line, exitCode: usage ? exitCodes.usage : exitCodes.failed, path: error.path };
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error && error.stack ? error.stack : `${message}\n    (no stack)`;
  return { code: "cli.bug", line: `error: ${message.split("\n")[0]}`, exitCode: exitCodes.failed, stack };
}

/** Adds --json, and lets subcommands inherit how errors leave. */
function prepare(command: Command): void {
  for (const each of [command, ...command.commands]) {
    if (!each.options.some((option) => option.long === "--json"))
      each.option("--json", "print one JSON document on stdout");
    each.helpOption("-h, --help", "show help");
  }
}

const assignment = /^([a-z][a-z0-9_-]*)=(.*)$/is;

/**
 * The words as commander wants them: `key=value` becomes `--key value`, and an option may be written with _ for -.
 * Left alone: the value of the option before it, the name of a file that exists, and all after `--`.
 */
export function normalizeWords(words: readonly string[], command: Command): string[] {
  const options = [command, ...command.commands].flatMap((each) => each.options as Option[]);
  const find = (name: string) => options.find((option) => option.long && plain(option.long) === plain(name));
  const out: string[] = [];
  let value = false; // this word is the value of the option before it
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

/** An unknown option stands alone, so that commander can look for one like it. */
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

/** " (did you mean X?)" for the nearest name, when it is near. */
export function suggestion(word: string, names: readonly string[]): string {
  let best = "";
  let smallest = Math.max(2, Math.floor(word.length / 2)) + 1;
  for (const name of names) {
    const distance = editDistance(word.toLowerCase(), name);
    if (distance < smallest) [best, smallest] = [name, distance];
  }
  return best ? ` (did you mean ${best}?)` : `; verbs: ${names.join(", ")}`;
}

/** Levenshtein distance with swapped neighbours as one step. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 0; j <= b.length; j++) rows[0][j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.length][b.length];
}
