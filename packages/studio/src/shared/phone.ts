/** Types of the door for a phone: its state for the page, and what the phone sees. */

/** An address of this machine that a phone on the same network can reach. */
export interface PhoneAddress {
  readonly address: string;
  /** Name of the network interface, as "wlan0". */
  readonly name: string;
  /** Only reachable from this machine: for trying the door without a phone. */
  readonly isLoopback: boolean;
}

export interface OpenDoorRequest {
  readonly address: string;
  /** The data set whose newest pictures are shown. */
  readonly set: string;
  /** Whether it is a folder that may have to be made first. */
  readonly make?: boolean;
  /** Class of added pictures, where a picture's folder determines its class. */
  readonly kind?: string;
  /** Whether the phone may add pictures, not only look. */
  readonly mayAdd: boolean;
}

export type CodeState = "valid" | "used" | "expired" | "locked";

export interface OpenDoor extends OpenDoorRequest {
  readonly url: string;
  readonly code: string;
  readonly codeState: CodeState;
  /** Milliseconds since 1970. */
  readonly codeEndsAt: number;
  /** Whether a phone is admitted. */
  readonly isPhoneIn: boolean;
  /** Number of pictures that were added through this door. */
  readonly added: number;
}

export interface PhoneStatus {
  /** Counter of changes: the larger of two is the newer. */
  readonly change: number;
  readonly addresses: readonly PhoneAddress[];
  /** Undefined while it is closed, as at the start. */
  readonly door?: OpenDoor;
  /** Why it was closed, where the user did not close it. */
  readonly closed?: string;
}

/** What an admitted phone sees. */
export interface PhoneView {
  /** Title of the data set. */
  readonly title: string;
  readonly kind?: string;
  readonly pictures: number;
  /** Ids of the newest pictures' thumbnails, newest first. */
  readonly newest: readonly string[];
  readonly mayAdd: boolean;
  readonly added: number;
}

export const codeDigits = 8;
/** Size in bytes of the largest picture that a phone can send. */
export const mostPhonePictureBytes = 32 * 1024 * 1024;

/** The door's address with the code behind #, which is not part of any request. */
export const phoneEntry = (url: string, code: string): string => `${url}#${code}`;

/** The code in the hash of such an address; undefined where there is none. */
export const codeInHash = (hash: string): string | undefined => new RegExp(`^#(\\d{${codeDigits}})$`).exec(hash)?.[1];
