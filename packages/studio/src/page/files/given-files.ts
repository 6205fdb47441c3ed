/** Files that the user opened in the page: chosen, dropped, or in a picked folder, each with its path. */
export interface GivenFile {
  /** Separated by `/`; begins with the name of the folder where one was given. */
  readonly path: string;
  /** Opens the file's current content. */
  open(): Promise<File>;
}

/** Files that were given together. */
export interface Given {
  readonly files: readonly GivenFile[];
  /** The folder, where it was picked: it can be written. */
  readonly folder?: PickedFolder;
}

const givenFile = (file: File, path: string): GivenFile => ({ path, open: async () => file });

export const chosenFiles = (files: Iterable<File>): GivenFile[] =>
  [...files].map((file) => givenFile(file, file.webkitRelativePath || file.name));

/** Dropped files, including all files in dropped folders. */
export async function droppedFiles({ items }: DataTransfer): Promise<GivenFile[]> {
  // The items are only valid before the first await.
  const given = [...items].map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const found = await Promise.all(
    given.map(({ entry, file }) => (entry === null ? (file ? chosenFiles([file]) : []) : filesOf(entry))),
  );
  return found.flat();
}

async function filesOf(entry: FileSystemEntry): Promise<GivenFile[]> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [givenFile(file, path)];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    // Browsers return at most a hundred entries at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    entries.push(...some);
  }
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** Parts of the File System Access API that TypeScript does not know; Chromium-based browsers have it. */
export interface PickedFolder extends FileSystemDirectoryHandle {
  queryPermission(descriptor: { readonly mode: "readwrite" }): Promise<PermissionState>;
  requestPermission(descriptor: { readonly mode: "readwrite" }): Promise<PermissionState>;
}

type Picker = () => Promise<PickedFolder>;

const picker = (): Picker | undefined =>
  (window as Window & { readonly showDirectoryPicker?: Picker }).showDirectoryPicker?.bind(window);

export const hasFolderPicker = (): boolean => picker() !== undefined;

/** Files of a folder that the user picks; undefined where none was picked. */
export async function pickedFiles(): Promise<Given | undefined> {
  let folder: PickedFolder;
  try {
    folder = await picker()!();
  } catch {
    return undefined; // closed without a choice
  }
  return { folder, files: await filesIn(folder) };
}

/** All files that a folder has now. */
export async function filesIn(folder: FileSystemDirectoryHandle, path = folder.name): Promise<GivenFile[]> {
  const found: GivenFile[] = [];
  for await (const entry of folder.values()) {
    const own = `${path}/${entry.name}`;
    if (entry.kind === "directory") found.push(...(await filesIn(entry as FileSystemDirectoryHandle, own)));
    else found.push({ path: own, open: () => (entry as FileSystemFileHandle).getFile() });
  }
  return found;
}
