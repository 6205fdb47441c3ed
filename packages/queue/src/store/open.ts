/** Stores by what a user calls them: a folder. */
import { FolderStore } from "./folder-store.js";
import { openStoreFolder, type StoreIdentity } from "./identity.js";
import type { OwnStore, StoreOptions } from "./store.js";

export interface OpenedStore extends Pick<StoreIdentity, "id" | "token"> {
  readonly store: OwnStore;
}

/** Makes the store that a user names, unless it is there. */
export async function openOwnStore(place: string, _options: StoreOptions = {}): Promise<OpenedStore> {
  const { id, token } = openStoreFolder(place);
  return { store: new FolderStore(place), id, token };
}
