/** Colours for a terminal; the identity everywhere else. */
export interface Colours {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  blue(text: string): string;
}
/** Whether a stream takes colours: a terminal, unless NO_COLOR is set (no-color.org) or TERM is dumb. */
export declare function wantsColours(
  stream: {
    readonly isTTY?: boolean;
  },
  environment?: NodeJS.ProcessEnv,
): boolean;
export declare function makeColours(enabled: boolean): Colours;
/** Text without colour codes. */
export declare function stripColours(text: string): string;
//# sourceMappingURL=colours.d.ts.map
