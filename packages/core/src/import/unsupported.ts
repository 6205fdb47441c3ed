/** Collects the operators that cannot be imported, to report them all at once. */
import { PhinetsError } from "../tensor/index.js";
import { cutAdvice } from "./cut.js";

/** States why an operator cannot be imported and how to remedy it. */
export class Unsupported extends Error {}

/** For an operator that reads the result of a refused one. Only the refused one is reported. */
export class Missing extends Unsupported {}

/** Whether the graph refused the file's arguments; such an error names no file. */
export function isOfGraph(error: unknown): error is PhinetsError {
  return error instanceof PhinetsError && error.path === undefined;
}

/** Most operators to name in a message; the others are counted. */
const mostNamed = 20;

interface FileOperator<Tensor> {
  /** Position in the file. */
  readonly index: number;
  readonly kind: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

interface Import<Tensor, O> {
  readonly file: string;
  readonly operators: readonly O[];
  /** Outputs of the file. */
  readonly outputs: readonly Tensor[];
  /** Values by tensor; undefined for results of operators that cannot be imported. */
  readonly made: Map<Tensor, unknown>;
  /** Imports an operator. Throws Unsupported or PhinetsError where that is impossible. */
  import(operator: O): void;
  /** Name of a tensor, for messages. */
  nameOf(tensor: Tensor): string | undefined;
  /** Whether the network may end at a tensor that was made. */
  isEnd(tensor: Tensor): boolean;
}

/**
 * Imports one operator after the other. Throws PhinetsError `import.operators` listing up to twenty operators that
 * cannot be imported, each with its number, kind, output and remedy, the number of others, and where the network can be
 * ended before them.
 */
export function importOperators<Tensor, O extends FileOperator<Tensor>>(to: Import<Tensor, O>): void {
  const { file, operators, made } = to;
  const problems: string[] = [];
  const refused = new Set<O>();
  for (const operator of operators) {
    try {
      to.import(operator);
    } catch (error) {
      if (!(error instanceof Unsupported || error instanceof PhinetsError)) throw error;
      for (const each of operator.outputs) if (!made.has(each)) made.set(each, undefined);
      refused.add(operator);
      if (error instanceof Missing) continue;
      const shown = to.nameOf(operator.outputs[0])?.slice(0, 60) ?? "";
      const problem = error.message.replace(`${file}: `, "");
      problems.push(`operator ${operator.index} ${operator.kind} ("${shown}"): ${problem}`);
    }
  }
  if (problems.length === 0) return;
  const more = problems.length > mostNamed ? `; and ${problems.length - mostNamed} more` : "";
  throw new PhinetsError(
    "import.operators",
    `${file}: ${problems.length} of ${operators.length} operators cannot be imported: ${problems.slice(0, mostNamed).join("; ")}${more}${cutAdvice({ ...to, refused })}`,
    file,
  );
}
