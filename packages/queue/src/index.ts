/**
 * Distributes work to many machines: a sweep's trainings, or pictures to predict, as jobs of a queue, and the workers
 * that do them.
 */
export type { QueueRequest } from "./opened-queue.js";
export { QueueTrainer, type QueueTrainerRequest } from "./queue-trainer.js";
export { type PredictRequest, predictOverQueue, type QueuedPredictions } from "./shards/predict.js";
export { outputsOverQueue, type ValRequest } from "./shards/val.js";
export { runWorker, type WorkerRequest, type WorkerResult } from "./worker.js";
