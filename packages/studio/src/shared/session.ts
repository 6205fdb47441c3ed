/** The page's first response from the server: what it is connected to. */
export interface Session {
  readonly version: string;
  /** Name of the opened folder, for titles. */
  readonly folder: string;
  /** Its path, for use in the commands that the page shows. */
  readonly path: string;
  /** Folder of all runs, for use in commands. */
  readonly project: string;
}
