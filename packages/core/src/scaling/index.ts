export {
  type Budget,
  type BudgetOptions,
  codeAllowanceBytes,
  defaultFps,
  defaultFpsAtPower,
} from "./budget.js";
export { type Estimate, estimate } from "./estimate.js";
export * from "./fit.js";
export { alphaOfStem, type Task } from "./lattice.js";
export { familiarity, type Preference, preferences, proxyOf } from "./proxy.js";
