/** `phinets completion bash|zsh|fish`: prints the shell script that completes commands, options, boards and files. */
import { PhinetsError } from "@phinets/core/tensor";
import type { Command } from "commander";
import { bashScript } from "../completion/bash.js";
import { fishScript } from "../completion/fish.js";
import { type CompletedVerb, completedVerbs } from "../completion/surface.js";
import { zshScript } from "../completion/zsh.js";
import { shownDefinitions } from "../surface.js";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { json } from "./shared-options.js";

const scripts: Readonly<Record<string, (verbs: readonly CompletedVerb[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};
const shells = Object.keys(scripts);

const definition: VerbDefinition = {
  name: "completion",
  description:
    "Prints a shell script that completes verbs, options, boards and files; its first lines say how to install it.",
  arguments: [{ name: "<shell>", help: shells.join(", "), words: shells }],
  examples: [
    ["source <(phinets completion bash)", "for the current shell"],
    ["phinets completion fish > ~/.config/fish/completions/phinets.fish", "for every new fish shell"],
  ],
  options: [json],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (shell: string) => {
    if (!shells.includes(shell))
      throw new PhinetsError("cli.usage", `completion does not know '${shell}'; it is ${shells.join(", ")}`);
    const { verbs } = await import("./index.js");
    const script = scripts[shell](completedVerbs(await shownDefinitions(verbs)));
    context.result({ shell, script }, () => script);
  });
}
