/** A one-time code that admits one phone; it expires, and a few wrong guesses invalidate it. */
import { randomInt } from "node:crypto";
import { PhinetsError } from "@phinets/core/tensor";
import { type CodeState, codeDigits } from "../../shared/phone.js";
import { isSame } from "../security.js";

/** Wrong guesses that invalidate the code: five out of a hundred million. */
export const mostWrong = 5;

const refusals: Readonly<Record<Exclude<CodeState, "valid">, string>> = {
  used: "this code was used already",
  expired: "this code has expired",
  locked: "too many wrong codes were entered",
};

export class EntryCode {
  readonly text = String(randomInt(10 ** codeDigits)).padStart(codeDigits, "0");
  #wrong = 0;
  #isUsed = false;

  /** @param endsAt milliseconds since 1970 */
  constructor(readonly endsAt: number) {}

  get state(): CodeState {
    if (this.#isUsed) return "used";
    if (this.#wrong >= mostWrong) return "locked";
    return Date.now() >= this.endsAt ? "expired" : "valid";
  }

  /** Uses up the code. Throws PhinetsError `phone.code` for a wrong code, and once it is invalid. */
  use(given: string): void {
    const { state } = this;
    if (state !== "valid")
      throw new PhinetsError("phone.code", `${refusals[state]}; ask for a new one in the studio's page`);
    if (!isSame(given.replace(/\D/g, ""), this.text)) {
      this.#wrong++;
      const left = mostWrong - this.#wrong;
      throw new PhinetsError(
        "phone.code",
        left === 0
          ? `${refusals.locked}; ask for a new one in the studio's page`
          : `this is not the code; ${left} ${left === 1 ? "try is" : "tries are"} left`,
      );
    }
    this.#isUsed = true;
  }
}
