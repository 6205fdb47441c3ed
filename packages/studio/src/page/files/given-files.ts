/** Files that the user gave: chosen, dropped, or of a folder that was picked. Each with its path. */
export interface GivenFile {
  readonly file: File;
  /** With `/`; the first part is the name of the folder that was given, where one was. */
  readonly path: string;
}

export const chosenFiles = (files: Iterable<File>): GivenFile[] =>
  [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

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
    return [{ file, path }];
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

/** Of the File System Access API, what is used; Chromium and its kin have it. */
interface PickedFolder {
  readonly kind: "directory";
  readonly name: string;
  values(): AsyncIterable<PickedFolder | PickedFile>;
}

interface PickedFile {
  readonly kind: "file";
  readonly name: string;
  getFile(): Promise<File>;
}

type Picker = () => Promise<PickedFolder>;

const picker = (): Picker | undefined =>
  (window as Window & { readonly showDirectoryPicker?: Picker }).showDirectoryPicker?.bind(window);

export const hasFolderPicker = (): boolean => picker() !== undefined;

/** Files of a folder that the user picks; undefined where none was. */
export async function pickedFiles(): Promise<GivenFile[] | undefined> {
  let folder: PickedFolder;
  try {
    folder = await picker()!();
  } catch {
    return undefined; // closed without a choice
  }
  return filesIn(folder, folder.name);
}

async function filesIn(folder: PickedFolder, path: string): Promise<GivenFile[]> {
  const found: GivenFile[] = [];
  for await (const entry of folder.values()) {
    const own = `${path}/${entry.name}`;
    if (entry.kind === "directory") found.push(...(await filesIn(entry, own)));
    else found.push({ file: await entry.getFile(), path: own });
  }
  return found;
}
