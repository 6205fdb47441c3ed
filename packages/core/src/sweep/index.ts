/** Hyperparameter sweeps: search spaces, successive halving, the leaderboard and its analysis. */

export { explainedVariance, paretoFront } from "./analysis.js";
export { type Leaderboard, type LeaderboardRow, type LeftOutSetting, ranked, type TrialCost } from "./leaderboard.js";
export { type Rung, rungsOf } from "./rungs.js";
export {
  type Dimension,
  drawSettings,
  gridSettings,
  isRange,
  type RangeDimension,
  type Setting,
  type SettingValue,
} from "./space.js";
