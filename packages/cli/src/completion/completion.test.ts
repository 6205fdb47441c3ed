import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { boardNames } from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { phinets } from "../../../../test/road-tools.js";
import { verbs } from "../commands/index.js";
import { shownDefinitions } from "../surface.js";
import { longName } from "../terminal/definition.js";

const [zsh, fish] = ["zsh", "fish"];

const has = (shell: string): boolean => {
  try {
    execFileSync(shell, ["-c", "exit 0"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

const folder = mkdtempSync(join(tmpdir(), "phinets-completion-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function scriptOf(shell: string): Promise<string> {
  const file = join(folder, `phinets.${shell}`);
  const { exitCode, stdout } = await phinets("completion", shell);
  expect(exitCode).toBe(0);
  writeFileSync(file, stdout);
  return file;
}

describe.skipIf(!has("bash"))("in bash", () => {
  let script: string;
  beforeAll(async () => {
    script = await scriptOf("bash");
    writeFileSync(join(folder, "data set.yaml"), "");
    writeFileSync(join(folder, "dates.txt"), "");
  });

  /** Completions offered for the last word, which is being typed. */
  const offered = (...words: string[]): string[] => {
    const ask = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _phinets; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const text = execFileSync("bash", ["-c", ask, "bash", script, "phinets", ...words], {
      cwd: folder,
      encoding: "utf8",
    });
    return text.split("\n").filter(Boolean).sort();
  };

  it("completes verbs and their parts", () => {
    expect(offered("tr")).toEqual(["track", "train"]);
    expect(offered("")).toEqual([...verbs.map(({ name }) => name), "--help", "--version", "help"].sort());
    expect(offered("help", "emu")).toEqual(["emulate"]);
    expect(offered("eval", "")).toEqual(["coco", "mot", "voc"]);
    expect(offered("completion", "")).toEqual(["bash", "fish", "zsh"]);
  });

  it("completes every option of every verb, and no other", async () => {
    for (const { name, definition } of await shownDefinitions(verbs)) {
      const wanted = [...definition.options.map((option) => `--${longName(option)}`), "--help"].sort();
      expect(offered(...name.split(" "), "--"), name).toEqual(wanted);
    }
  });

  it("completes values: words, boards, files, and nothing where a number is wanted", () => {
    expect(offered("train", "--optimizer", "")).toEqual(["adamw", "lamb", "rmsprop", "sgd"]);
    expect(offered("train", "--optimizer", "=", "s")).toEqual(["sgd"]);
    expect(offered("train", "--optimizer", "=")).toEqual(["adamw", "lamb", "rmsprop", "sgd"]);
    expect(offered("ship", "--data", "x", "--target", "stm32")).toEqual(
      boardNames.filter((name) => /^stm32/.test(name)).sort(),
    );
    expect(offered("boards", "rp")).toEqual(["rp2040", "rp2350"]);
    expect(offered("train", "--data", "dat")).toEqual(["data set.yaml", "dates.txt"]);
    expect(offered("doctor", "date")).toEqual(["dates.txt"]);
    expect(offered("train", "--epochs", "")).toEqual([]);
    // --on takes different words in different commands.
    expect(offered("val", "--on", "")).toEqual(["firmware", "float", "int8"]);
    expect(offered("predict", "--on", "")).toEqual(["float", "int8"]);
  });
});

describe("in other shells", () => {
  it.skipIf(!has(zsh))("zsh reads the script", async () => {
    execFileSync(zsh, ["-n", await scriptOf("zsh")]);
  });

  it.skipIf(!has(fish))("fish completes by the script", async () => {
    const script = await scriptOf("fish");
    const offered = (line: string): string[] =>
      execFileSync(fish, ["--no-config", "-c", `source ${script}; complete -C '${line}'`], { encoding: "utf8" })
        .split("\n")
        .filter(Boolean)
        .map((each) => each.split("\t")[0]);
    expect(offered("phinets tra")).toEqual(["track", "train"]);
    expect(offered("phinets train --optimizer s")).toEqual(["sgd"]);
    expect(offered("phinets eval coco --max-d")).toEqual(["--max-dets"]);
  });

  it.each(["zsh", "fish"])("%s has every option of every verb", async (shell) => {
    const { stdout } = await phinets("completion", shell);
    for (const { name, definition } of await shownDefinitions(verbs)) {
      for (const option of definition.options) {
        const [verb, part] = name.split(" ");
        if (shell === "fish") {
          const when = part === undefined ? verb : `${verb}; and __fish_seen_subcommand_from ${part}`;
          expect(stdout).toContain(`-n '__fish_seen_subcommand_from ${when}' -l ${longName(option)} `);
        } else {
          const lines = stdout.slice(stdout.indexOf(`    "${name}")\n`)).split("\n      ;;")[0];
          expect(lines).toContain(`--${longName(option)}[`);
        }
      }
    }
  });

  it("one that is not known is refused", async () => {
    expect(await phinets("completion", "csh")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/csh.*bash, zsh, fish/),
    });
  });
});
