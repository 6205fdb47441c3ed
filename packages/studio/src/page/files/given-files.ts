/** Files that the user gave: chosen, dropped, or of a folder that was picked. Each with its path. */
export interface GivenFile {
  /** With `/`; the first part is the name of the folder that was given, where one was. */
  readonly path: string;
  /** As it is now. */
  open(): Promise<File>;
}

/** What was given at once. */
export interface Given {
  readonly files: readonly GivenFile[];
  /** The folder that they are of, where it was picked: it can be written. */
  readonly folder?: PickedFolder;
}

const givenFile = (file: File, path: string): GivenFile => ({ path, open: async () => file });

export const chosenFiles = (files: Iterable<File>): GivenFile[] =>
  [...files].map((file) => givenFile(file, file.webkitRelativePath || file.name));

/** What was dropped: files and folders, with all that is in them. */
export async function droppedFiles({ items }: DataTransfer): Promise<GivenFile[]> {
  // The items are gone once this has waited.
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
    // Browsers hand out a hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    entries.push(...some);
  }
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** Of the File System Access API, what TypeScript does not know; Chromium and its kin have it. */
export interface PickedFolder extends FileSystemDirectoryHandle {
  queryPermission(descriptor: { readonly mode: "readwrite" }): Promise<PermissionState>;
  requestPermission(descriptor: { readonly mode: "readwrite" }): Promise<PermissionState>;
}

type Picker = () => Promise<PickedFolder>;

const picker = (): Picker | undefined =>
  (window as Window & { readonly showDirectoryPicker?: Picker }).showDirectoryPicker?.bind(window);

export const hasFolderPicker = (): boolean => picker() !== undefined;

/** Files of a folder that the user picks; undefined where none was. */
export async function pickedFiles(): Promise<Given | undefined> {
  let folder: PickedFolder;
  try {
    folder = await picker()!();
  } catch {
    return undefined; // closed without a choice
  }
  return { folder, files: await filesIn(folder) };
}

/** All files of a folder, as they are now. */
export async function filesIn(folder: FileSystemDirectoryHandle, path = folder.name): Promise<GivenFile[]> {
  const found: GivenFile[] = [];
  for await (const entry of folder.values()) {
    const own = `${path}/${entry.name}`;
    if (entry.kind === "directory") found.push(...(await filesIn(entry as FileSystemDirectoryHandle, own)));
    else found.push({ path: own, open: () => (entry as FileSystemFileHandle).getFile() });
  }
  return found;
}
