export * from "./files.js";
export * from "./model.js";
export { joinTiles, type Tile, type Tiles, tilesOf } from "./tiles.js";
export { chooseWeights } from "./weights.js";
