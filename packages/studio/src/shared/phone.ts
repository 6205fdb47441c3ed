/** The door for a telephone: what the page says of it, and what the telephone sees. */

/** An address of this machine that a telephone on the same network can reach. */
export interface PhoneAddress {
  readonly address: string;
  /** Of the network interface, as "wlan0". */
  readonly name: string;
  /** Of this machine alone: to try the door without a telephone. */
  readonly isLoopback: boolean;
}

export interface OpenDoorRequest {
  readonly address: string;
  /** The data set whose newest pictures are shown. */
  readonly set: string;
  /** It is a folder that may have to be made first. */
  readonly make?: boolean;
  /** The class that added pictures are of, where a picture's folder is its class. */
  readonly kind?: string;
  /** Whether the telephone may add pictures; without, it only looks. */
  readonly mayAdd: boolean;
}

export type CodeState = "valid" | "used" | "expired" | "locked";

export interface OpenDoor extends OpenDoorRequest {
  readonly url: string;
  readonly code: string;
  readonly codeState: CodeState;
  /** Milliseconds since 1970. */
  readonly codeEndsAt: number;
  /** Whether a telephone is in. */
  readonly isPhoneIn: boolean;
  /** Pictures that came in by this door. */
  readonly added: number;
}

export interface PhoneStatus {
  /** Counts what changed: of two, the larger is the newer. */
  readonly change: number;
  readonly addresses: readonly PhoneAddress[];
  /** Undefined while it is closed, as it is in the beginning. */
  readonly door?: OpenDoor;
  /** Why it was closed, where nobody of this page did it. */
  readonly closed?: string;
}

/** What a telephone sees that is in. */
export interface PhoneView {
  /** Name of the data set, for people. */
  readonly title: string;
  readonly kind?: string;
  readonly pictures: number;
  /** Ids of the newest pictures' thumbnails, newest first. */
  readonly newest: readonly string[];
  readonly mayAdd: boolean;
  readonly added: number;
}

/** Digits that a telephone enters once. */
export const codeDigits = 8;
/** Bytes of the largest picture that a telephone sends. */
export const mostPhonePictureBytes = 32 * 1024 * 1024;

/** The door's address with the code behind #, which no request carries. */
export const phoneEntry = (url: string, code: string): string => `${url}#${code}`;

/** The code in such an address's hash; undefined where there is none. */
export const codeInHash = (hash: string): string | undefined => new RegExp(`^#(\\d{${codeDigits}})$`).exec(hash)?.[1];
