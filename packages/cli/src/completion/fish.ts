/** The completion script for fish. */
import type { Candidates, CompletedVerb } from "./surface.js";

export function fishScript(verbs: readonly CompletedVerb[]): string {
  const top = verbs.filter(({ name }) => !name.includes(" "));
  const lines = [
    ...top.map(({ name, help }) => `${start} -n __fish_use_subcommand -f -a ${name} -d ${quote(help)}`),
    `${start} -n '__fish_seen_subcommand_from help' -f -a ${quote(top.map(({ name }) => name).join(" "))}`,
    ...verbs.flatMap((verb) => verbLines(verb)),
  ];
  return `# fish completion for phinets.
# Once: phinets completion fish | source
# Always: phinets completion fish > ~/.config/fish/completions/phinets.fish

${start} -e
${lines.join("\n")}
`;
}

const start = "complete -c phinets";

function verbLines({ name, options, argument }: CompletedVerb): string[] {
  const [verb, part] = name.split(" ");
  const seen = [verb, ...(part === undefined ? [] : [part])].map((word) => `__fish_seen_subcommand_from ${word}`);
  const when = `${start} -n ${quote(seen.join("; and "))}`;
  const place = argumentsOf(argument);
  return [
    ...(place === "" || part !== undefined ? [] : [`${when}${place}`]),
    ...options.map((option) => {
      const value = option.value === undefined ? "" : ` ${option.value.paths ? "-r -F" : "-x"}${wordsOf(option.value)}`;
      return `${when} -l ${option.name.slice(2)}${value} -d ${quote(option.help)}`;
    }),
  ];
}

function argumentsOf(argument: Candidates): string {
  if (argument.paths) return ` -F${wordsOf(argument)}`;
  return argument.words.length > 0 ? ` -f${wordsOf(argument)}` : "";
}

const wordsOf = ({ words }: Candidates): string => (words.length === 0 ? "" : ` -a ${quote(words.join(" "))}`);
const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
