/** What cannot be imported: collected operator by operator, and told at once. */
import { PhinetsError } from "../tensor/index.js";
import { cutAdvice } from "./cut.js";

/** Why an operator cannot be imported, and what to do about it. */
export class Unsupported extends Error {}

/** It reads what an operator that was refused would make: that one's message says all. */
export class Missing extends Unsupported {}

/** Whether the graph refuses what the file asks for: its message names no file. */
export function isOfGraph(error: unknown): error is PhinetsError {
  return error instanceof PhinetsError && error.path === undefined;
}

/** Operators that cannot be imported and are named; the others are counted. */
const mostNamed = 20;

interface FileOperator<Tensor> {
  /** Place in the file. */
  readonly index: number;
  readonly kind: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

interface Import<Tensor, O> {
  readonly file: string;
  readonly operators: readonly O[];
  /** What the file gives. */
  readonly outputs: readonly Tensor[];
  /** Values by the tensors that are made; undefined where an operator that cannot be imported would make one. */
  readonly made: Map<Tensor, unknown>;
  /** Throws Unsupported or PhinetsError where the operator cannot be imported. */
  import(operator: O): void;
  /** Name of a tensor, for messages. */
  nameOf(tensor: Tensor): string | undefined;
  /** Whether the network may end at a tensor that was made. */
  isEnd(tensor: Tensor): boolean;
}

/**
 * Imports one operator after the other. Throws PhinetsError `import.operators` naming all that cannot be, each with its
 * number, kind, output and what to do; of more than twenty, how many more; and where the network can be cut off before them.
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
