/** The program of the process that looks at shards (serve.ts). Plain JavaScript, so that it starts from src too: it is the built package's. */
import { serveShards } from "@phinets/queue/shards";

serveShards();
