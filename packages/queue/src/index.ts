/** A sweep on many machines: its trainings as jobs of a queue, and those who do them. */
export { QueueTrainer, type QueueTrainerRequest } from "./queue-trainer.js";
export { runWorker, type WorkerRequest, type WorkerResult } from "./worker.js";
