/** The completion script for zsh. */
import type { Candidates, CompletedOption, CompletedVerb } from "./surface.js";

export function zshScript(verbs: readonly CompletedVerb[]): string {
  const top = verbs.filter(({ name }) => !name.includes(" "));
  const parts = verbs.filter(({ name }) => name.includes(" "));
  return `#compdef phinets
# zsh completion for phinets.
# Once: source <(phinets completion zsh)
# Always: phinets completion zsh > a folder of $fpath, as the file _phinets

_phinets() {
  local verb=$words[2]
  if (( CURRENT == 2 )) || [[ $CURRENT -eq 3 && $verb == help ]]; then
    local -a verbs=(
${top.map(({ name, help }) => `      ${quote(`${name}:${help}`)}`).join("\n")}
      'help:show a verb'\\''s help'
    )
    _describe -t verbs 'verb' verbs
    return
  fi
  shift words
  (( CURRENT-- ))
${parts.length === 0 ? "" : `  if (( CURRENT > 2 )); then\n    case "$verb $words[2]" in\n      ${parts.map(({ name }) => `"${name}"`).join(" | ")})\n        verb="$verb $words[2]"\n        shift words\n        (( CURRENT-- ))\n        ;;\n    esac\n  fi\n`}  case $verb in
${verbs.map(verbCase).join("\n")}
  esac
}

if [[ $funcstack[1] == _phinets ]]; then _phinets "$@"; else compdef _phinets phinets; fi
`;
}

function verbCase({ name, options, argument }: CompletedVerb): string {
  const action = actionOf(argument);
  const specs = [...options.map(optionSpec), ...(action === " " ? [] : [quote(`*:argument:${action}`)])];
  return `    "${name}")\n      _arguments \\\n        ${specs.join(" \\\n        ")}\n      ;;`;
}

function optionSpec({ name, help, value, repeatable }: CompletedOption): string {
  const text = help.replace(/[[\]\\:]/g, "\\$&");
  const after = value === undefined ? "" : `:value:${actionOf(value)}`;
  return quote(`${repeatable ? "*" : ""}${name}[${text}]${after}`);
}

function actionOf({ words, paths }: Candidates): string {
  const list = words.join(" ");
  if (words.length > 0 && paths) return `{_values board ${list}; _files}`;
  if (words.length > 0) return `(${list})`;
  return paths ? "_files" : " ";
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
