/** Worker that computes a network's costs on a board: the document of `phinets inspect`. */
import { type Inspection, inspectNetwork } from "@phinets/core/cost";
import type { Network } from "@phinets/core/networks";
import type { Board, ProgramRequest } from "@phinets/core/target";
import { answerWith } from "../../answer.js";

export interface InspectQuestion {
  readonly network: Network;
  readonly board: Board;
  readonly request: Pick<ProgramRequest, "optimize" | "input">;
}

export interface Inspected {
  readonly question: InspectQuestion;
  readonly inspection: Inspection;
}

const inspect = ({ network, board, request }: InspectQuestion): Inspection =>
  inspectNetwork(network, { board, ...request });

/**
 * Browsers optimise code that has run some dozens of times; before that, a slider's figures take three times as long.
 */
const warmUps = 60;
let isWarm = false;

/** Repeats the first question in separate tasks, so that the user's questions are answered in between. */
function warmUp(question: InspectQuestion, left: number): void {
  if (left === 0) return;
  inspect(question);
  setTimeout(() => warmUp(question, left - 1));
}

answerWith((question: InspectQuestion): Inspected => {
  const inspection = inspect(question);
  if (!isWarm) setTimeout(() => warmUp(question, warmUps));
  isWarm = true;
  return { question, inspection };
});
