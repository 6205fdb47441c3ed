export { exceededLimit, trialCost } from "./cost.js";
export { mostSettings, readSweepFile, type SweepFile } from "./file.js";
export { openSweepFolder } from "./journal.js";
export { LocalTrainer } from "./local-trainer.js";
export { measureTraining } from "./measure.js";
export { serveSlot } from "./slot.js";
export { epochsOf, planBrackets, runSweep, type SweepResult } from "./sweep.js";
export { makeTrial, type SweepSetting } from "./trial.js";
export { bestRun } from "./winner.js";
