/** The exception that marks a fault. Anything else that is thrown is either a refusal (PhinetsError) or a bug. */
export class Fault extends Error {
  name = "Fault";
}

/** Throws a Fault unless `condition`. */
export function require(condition, problem) {
  if (!condition) throw new Fault(problem);
}

/** Classifies an exception: "refused" for an actionable error in one line, else "fault". */
export function judge(error) {
  if (error?.name !== "PhinetsError") return { outcome: "fault", problem: describe(error) };
  const { code, message } = error;
  if (!/^[a-z0-9]+\.[a-z0-9-]+$/i.test(code ?? ""))
    return { outcome: "fault", problem: `error without a code: ${code}` };
  if (/[\n\r\0]/.test(message))
    return { outcome: "fault", problem: `message of several lines: ${JSON.stringify(message.slice(0, 300))}` };
  if (message.length > 3000)
    return { outcome: "fault", problem: `message of ${message.length} characters: ${message.slice(0, 200)}` };
  if (/\bundefined\b|\[object |\bNaN is\b/.test(message) && !/undefined/.test(String(error.path)))
    return { outcome: "refused", odd: message.slice(0, 200) };
  return { outcome: "refused" };
}

export function describe(error) {
  return String(error?.stack ?? error)
    .split("\n")
    .slice(0, 6)
    .join("\n")
    .slice(0, 1200);
}
