/** Opens the user's files in the page itself: a folder, a .zip, or either dropped. Nothing is uploaded. */
import { useEffect, useId } from "preact/hooks";
import { connection } from "../connection.js";
import type { DataSource } from "../datasets/source.js";
import { chosenFiles, droppedFiles, type Given, hasFolderPicker, pickedFiles } from "../files/given-files.js";

export interface OpenFilesProps {
  readonly onOpen: (source: DataSource) => void;
  readonly onError: (error: Error) => void;
}

/** Calls `take` with files dropped anywhere on the page, until the returned function is called. */
function hearDrops(take: (giving: Promise<Given>) => void): () => void {
  const allow = (event: DragEvent) => event.preventDefault();
  const drop = (event: DragEvent) => {
    event.preventDefault();
    if (event.dataTransfer) take(droppedFiles(event.dataTransfer).then((files) => ({ files })));
  };
  addEventListener("dragover", allow);
  addEventListener("drop", drop);
  return () => {
    removeEventListener("dragover", allow);
    removeEventListener("drop", drop);
  };
}

/** Renders nothing where there is a server: its folder is open already. */
export function OpenFiles({ onOpen, onError }: OpenFilesProps) {
  const [folder, archive] = [useId(), useId()];
  const isStatic = connection.value.kind === "static";
  const take = async (giving: Promise<Given | undefined>): Promise<void> => {
    const { browserSource } = await import("../datasets/browser-source.js");
    try {
      const given = await giving;
      if (given !== undefined) onOpen(await browserSource(given));
    } catch (error) {
      onError(error as Error);
    }
  };
  useEffect(() => (isStatic ? hearDrops((giving) => void take(giving)) : undefined), [isStatic]);
  if (!isStatic) return null;
  const takeChosen = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) =>
    void take(Promise.resolve({ files: chosenFiles(currentTarget.files ?? []) }));
  return (
    <>
      <p class="actions">
        <label class="button" for={folder}>
          Open a folder…
          <input
            id={folder}
            class="hidden"
            type="file"
            multiple
            ref={(element) => {
              if (element) element.webkitdirectory = true;
            }}
            onClick={(event) => {
              // The picker asks only once, and does not ask whether to "upload" all files.
              if (!hasFolderPicker()) return;
              event.preventDefault();
              void take(pickedFiles());
            }}
            onChange={takeChosen}
          />
        </label>
        <label class="button" for={archive}>
          Open a .zip…
          <input id={archive} class="hidden" type="file" accept=".zip" onChange={takeChosen} />
        </label>
      </p>
      <p class="quiet">Or drop either onto the page.</p>
    </>
  );
}
