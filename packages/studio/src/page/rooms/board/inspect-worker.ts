/** What a network costs on a board, off the page's own thread: the document of `phinets inspect`. */
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

answerWith((question: InspectQuestion): Inspected => {
  const { network, board, request } = question;
  return { question, inspection: inspectNetwork(network, { board, ...request }) };
});
