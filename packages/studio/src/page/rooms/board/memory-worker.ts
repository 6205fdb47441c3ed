/** Worker that draws the memory map (arena over time), so that the figures do not wait for it. */
import { drawMemory } from "@phinets/core/cost";
import { answerWith } from "../../answer.js";
import type { InspectQuestion } from "./inspect-worker.js";

answerWith(({ network, board, request }: InspectQuestion): string => drawMemory(network, board, undefined, request));
