/** Reads the label file of one picture. */
import { PhinetsError } from "../../tensor/index.js";
import { mostLabelBytes } from "../files/limits.js";
import type { Survey } from "../files/survey.js";
import type { OpenLog } from "./open-log.js";

/**
 * The text. If the file cannot be read, logs a problem and returns undefined: the picture is lost, but not the data
 * set.
 */
export async function labelText(survey: Survey, file: string, log: OpenLog): Promise<string | undefined> {
  try {
    return await survey.text(file, mostLabelBytes);
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    log.problem("picture", error.code, error.message, survey.show(file));
    return undefined;
  }
}
