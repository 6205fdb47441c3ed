/** Parses a page of docs/: code blocks, links, headings. */

/** A fenced code block. */
export interface Block {
  /** Line of its opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** The name in `[name]` after the language: a file in the page's folder. */
  readonly file?: string;
  readonly text: string;
  /** Reason in "> Not run by the tests: REASON." before it. */
  readonly notRun?: string;
  /** Options in `<!-- with: VERB OPTIONS; VERB OPTIONS -->` before it, which make the test's runs small. */
  readonly extra: readonly string[];
}

const marker = /^> Not run by the tests: (.+)\.$/;
const small = /^<!-- with: (.+) -->$/;

export function blocksOf(page: string): Block[] {
  const lines = page.split("\n");
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const open = /^```+\s*(\w*)(?: \[(.+)\])?\s*$/.exec(lines[i]);
    if (open === null) {
      if (/^\s*```/.test(lines[i]))
        throw new Error(`line ${i + 1}: a fence is "\`\`\`LANGUAGE" or "\`\`\`LANGUAGE [FILE]"`);
      continue;
    }
    let before = i - 1;
    while (before >= 0 && lines[before] === "") before--;
    const close = lines.findIndex((line, n) => n > i && /^```+\s*$/.test(line));
    if (close < 0) throw new Error(`line ${i + 1}: the block has no end`);
    blocks.push({
      line: i + 1,
      language: open[1],
      file: open[2],
      text: lines.slice(i + 1, close).join("\n"),
      notRun: marker.exec(lines[before] ?? "")?.[1],
      extra: (small.exec(lines[before] ?? "")?.[1] ?? "")
        .split(";")
        .flatMap((part) => (part.trim() === "" ? [] : [part.trim()])),
    });
    i = close;
  }
  return blocks;
}

const proseOf = (page: string): string =>
  page.replace(/^```[\s\S]*?^```+\s*$/gm, "").replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()<>]/g, "_"));

/** Targets of links and pictures, except those that lead out of the repository. */
export function linksOf(page: string): string[] {
  return [...proseOf(page).matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** Files that a page includes with `<<< FILE`. */
export function shownFilesOf(page: string): string[] {
  return [...page.matchAll(/^<<< (\S+?)(?:\{.*\})?$/gm)].map(([, file]) => file);
}

/** Anchors of a page's headings, as GitHub and VitePress make them. */
export function anchorsOf(page: string): string[] {
  return [...page.replace(/^```[\s\S]*?^```+\s*$/gm, "").matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
}
