/** A thread with a model of its own (model-threads.ts): pictures come, and go back with what it sees in them. */
import { parentPort, workerData } from "node:worker_threads";
import { Model } from "@phinets/core/model";

const model = await Model.of(workerData.parts, workerData.options);

parentPort.on("message", (picture) => {
  let answer;
  try {
    answer = { picture, prediction: model.predict(picture) };
  } catch (error) {
    // A class does not survive the way; what a PhinetsError says does.
    const { code, path } = error;
    answer = { picture, error: code === undefined ? error : { code, message: error.message, path } };
  }
  parentPort.postMessage(answer, [picture.data.buffer]);
});
parentPort.postMessage("ready");
