/** The completion script for bash 3.2 or later. */
import type { Candidates, CompletedVerb } from "./surface.js";

export function bashScript(verbs: readonly CompletedVerb[]): string {
  const top = verbs.filter(({ name }) => !name.includes(" "));
  const parts = verbs.filter(({ name }) => name.includes(" "));
  return `# bash completion for phinets.
# Once: source <(phinets completion bash)
# Always: phinets completion bash > ~/.local/share/bash-completion/completions/phinets

_phinets_words() {
  COMPREPLY+=($(compgen -W "$1" -- "$cur"))
}

_phinets_paths() {
  local path
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen -f -- "$cur")
}

_phinets() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" verb="" word i
  COMPREPLY=()
  # bash takes --name=value for three words.
  if [[ $cur == "=" ]]; then cur=""; elif [[ $prev == "=" ]]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    [[ $word == -* ]] && continue
    if [[ -z $verb ]]; then
      verb="$word"
${parts.length === 0 ? "" : `      continue\n`}    fi
${parts.length === 0 ? "" : `    case "$verb $word" in ${parts.map(({ name }) => `"${name}"`).join(" | ")}) verb="$verb $word" ;; esac\n`}    break
  done
  if [[ -z $verb || $verb == help ]]; then
    _phinets_words "${[...top.map(({ name }) => name), "help", "--help", "--version"].join(" ")}"
    return
  fi
  case "$verb $prev" in
${[...placesOf(verbs)].map(([action, places]) => `    ${places.join(" | ")})\n      ${action}\n      return\n      ;;`).join("\n")}
  esac
  case "$verb" in
${verbs.map(verbCase).join("\n")}
  esac
}

complete -F _phinets phinets
`;
}

/** Groups options by what completes their values: patterns of the commands and options before the value. */
function placesOf(verbs: readonly CompletedVerb[]): Map<string, string[]> {
  const actions = new Map<string, Map<string, string[]>>();
  for (const { name: verb, options } of verbs) {
    for (const { name, value } of options) {
      if (value === undefined) continue;
      const byAction = actions.get(name) ?? new Map<string, string[]>();
      actions.set(name, byAction);
      byAction.set(actionOf(value), [...(byAction.get(actionOf(value)) ?? []), verb]);
    }
  }
  const places = new Map<string, string[]>();
  for (const [name, byAction] of actions) {
    for (const [action, of] of byAction) {
      // Where an option accepts the same values in every command, the pattern leaves the command open.
      const patterns = byAction.size === 1 ? [`*" ${name}"`] : of.map((verb) => `"${verb} ${name}"`);
      places.set(action, [...(places.get(action) ?? []), ...patterns]);
    }
  }
  return places;
}

function verbCase({ name, options, argument }: CompletedVerb): string {
  const names = options.map((option) => option.name).join(" ");
  return `    "${name}")\n      if [[ $cur == -* ]]; then _phinets_words "${names}"; else ${actionOf(argument)}; fi\n      ;;`;
}

/** Shell code that adds the candidates of a place. */
function actionOf({ words, paths }: Candidates): string {
  const parts = [
    ...(words.length > 0 ? [`_phinets_words "${words.join(" ")}"`] : []),
    ...(paths ? ["_phinets_paths"] : []),
  ];
  return parts.length > 0 ? parts.join("; ") : ":";
}
