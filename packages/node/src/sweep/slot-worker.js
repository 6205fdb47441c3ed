/** The program of a slot's process (slot.ts). Plain JavaScript, so that it starts from src too: it is the built package's. */
import { serveSlot } from "@phinets/node/sweep";

serveSlot();
