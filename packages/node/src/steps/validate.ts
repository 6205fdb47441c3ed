/** What a network says about pictures, and the figures that follow: core's, under the steps' own name. */
export {
  boxesOf,
  type DetectOptions,
  evaluatedBoxes,
  floatOutputs,
  inputOptions,
  int8Input,
  integerOutputs,
  type OnProgress,
  type Outputs,
  type ScoreOptions,
  score,
  simulatedOutputs,
} from "@phinets/core/learning";
