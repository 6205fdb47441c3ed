/** The back ends that run in this process, in one file so that they share the references' values. */
import { createEngine } from "@phinets/core/kernels";
import { afterAll } from "vitest";
import { conform } from "./conform.js";
import { floatEngine, floatInterpreter, floatInterpreterDeployed, trainingExecutor } from "./drivers/float.js";
import { importedFloat, importedInteger } from "./drivers/imported.js";
import { integerEngine, integerInterpreter } from "./drivers/integer.js";
import { onnxFloat, onnxInteger } from "./drivers/onnx.js";
import { tflite } from "./drivers/tflite.js";

const engine = await createEngine();
afterAll(() => engine.dispose());

const floats = [
  floatInterpreter,
  floatInterpreterDeployed,
  trainingExecutor(engine),
  floatEngine(engine),
  ...onnxFloat,
  ...importedFloat,
];
for (const driver of [...floats, integerInterpreter, integerEngine, importedInteger, ...onnxInteger, ...tflite])
  conform(driver);
