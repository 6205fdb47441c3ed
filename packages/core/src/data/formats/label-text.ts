/** Labels of one picture, as text. */
import { PhinetsError } from "../../tensor/index.js";
import { mostLabelBytes } from "../files/limits.js";
import type { Survey } from "../files/survey.js";
import type { OpenLog } from "./open-log.js";

/** The text; undefined, and a problem of the log, where the file cannot be read: that costs its picture, not the set. */
export async function labelText(survey: Survey, file: string, log: OpenLog): Promise<string | undefined> {
  try {
    return await survey.text(file, mostLabelBytes);
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    log.problem("picture", error.code, error.message, survey.show(file));
    return undefined;
  }
}
