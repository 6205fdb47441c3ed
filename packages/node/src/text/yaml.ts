/** Parses the YAML of data sets. The files are untrusted: aliases must not expand without bound or form cycles. */
import type { Document, YAMLMap } from "yaml";

/** Most values that a document may expand to, counting an alias each time it is used, and the deepest nesting. */
const mostValues = 1_000_000;
const deepest = 100;

/** Loaded with the first document: most commands parse none. */
let library: typeof import("yaml") | undefined;

/** Throws an Error whose message begins with `LINE:COLUMN: ` where the text is not YAML, or expands too far. */
export async function parseYaml(text: string): Promise<unknown> {
  library ??= await import("yaml");
  const { LineCounter, parseDocument, visit } = library;
  const lines = new LineCounter();
  const failAt = (offset: number, problem: string): never => {
    const { line, col } = lines.linePos(offset);
    throw new Error(`${Math.max(1, line)}:${Math.max(1, col)}: ${problem}`);
  };
  const tooDeep = () => failAt(0, `is nested deeper than ${deepest}, which no data.yaml is; write it anew`);
  let document: Document.Parsed;
  try {
    // Duplicate keys are checked below: the library's own check is quadratic. Only the place and the first words of its
    // errors are reported.
    document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
  } catch (error) {
    if (error instanceof RangeError) return tooDeep(); // stack overflow
    throw error;
  }
  const [bad] = document.errors;
  if (bad !== undefined) {
    if (/call stack/.test(bad.message)) tooDeep();
    failAt(bad.pos[0], `is not YAML: ${bad.message.split(/;|\n/)[0]}`);
  }
  try {
    visit(document, {
      Map: (_, map) => checkKeys(map, failAt),
      Alias: (_, alias) => {
        if (alias.resolve(document) !== undefined) return;
        const offset = alias.range?.[0] ?? 0;
        const said = `*${alias.source}`.slice(0, 40);
        failAt(offset, `${said} stands for nothing before it; put text that begins with * into quotes: "${said}"`);
      },
    });
    const value: unknown = document.toJS({ maxAliasCount: 1000 });
    checkValue(value, failAt);
    return value;
  } catch (error) {
    if (error instanceof RangeError) return tooDeep();
    // The library's own limit on aliases.
    if (error instanceof ReferenceError) return failAt(0, `its aliases unfold to too many values; write them out`);
    throw error;
  }
}

type FailAt = (offset: number, problem: string) => never;

function checkKeys({ items }: YAMLMap, failAt: FailAt): void {
  const seen = new Set<unknown>();
  for (const { key } of items) {
    const node = key as { value?: unknown; range?: readonly number[] } | null;
    if (node?.value === undefined) continue;
    if (seen.has(node.value)) failAt(node.range?.[0] ?? 0, "is not YAML: Map keys must be unique");
    seen.add(node.value);
  }
}

/** Throws for a value that contains itself, is nested too deep, or expands to too many values. */
function checkValue(root: unknown, failAt: FailAt): void {
  let count = 0;
  const around = new Set<unknown>();
  const walk = (value: unknown): void => {
    if (++count > mostValues) failAt(0, `its aliases unfold to more than ${mostValues} values; write them out`);
    if (typeof value !== "object" || value === null) return;
    if (around.has(value)) failAt(0, "an alias leads into its own anchor; write the value out");
    if (around.size >= deepest) failAt(0, `is nested deeper than ${deepest}, which no data.yaml is; write it anew`);
    around.add(value);
    for (const each of Object.values(value)) walk(each);
    around.delete(value);
  };
  walk(root);
}
