/** What the page learns first: what it is connected to. */
export interface Session {
  readonly version: string;
  /** Name of the opened folder, for people. */
  readonly folder: string;
  /** Path of it, as the commands that the page shows name it. */
  readonly path: string;
  /** Folder of all runs, as commands name it. */
  readonly project: string;
}
