/** What a network costs on a board, off the page's own thread: the document of `phinets inspect`. */
import { drawMemory, type Inspection, inspectNetwork } from "@phinets/core/cost";
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
  /** The memory over time. */
  readonly svg: string;
  /** What the figures took. */
  readonly elapsedMs: number;
}

answerWith((question: InspectQuestion): Inspected => {
  const start = performance.now();
  const { network, board, request } = question;
  const inspection = inspectNetwork(network, { board, ...request });
  const elapsedMs = performance.now() - start;
  return { question, inspection, svg: drawMemory(network, board, undefined, request), elapsedMs };
});
