/**
 * Runs twenty steps of examples/browser/training.js and prints the weights' SHA-256. Usage: node steps.mjs [threads=2]
 */
import { argv } from "node:process";
import { sha256, train } from "../../../examples/browser/training.js";
import { nodeThreads } from "../../../packages/node/dist/threads/pool.js";

console.log(await sha256(await train(nodeThreads(Number(argv[2] ?? 2)))));
