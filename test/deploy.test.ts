/**
 * The files of deploy/ are valid for Docker Compose and Kubernetes, and use existing options. The tests do not run
 * them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { redisUser } from "./redis.js";
import { phinets } from "./road-tools.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Requires that every option of a container's command exists. */
async function requireOptions([verb, ...words]: readonly string[]): Promise<void> {
  expect(["sweep", "worker"]).toContain(verb);
  const { stdout, exitCode } = await phinets(verb, "--help");
  expect(exitCode).toBe(0);
  const known = new Set(stdout.match(/--[a-z][a-z-]+/g));
  for (const word of words) if (word.startsWith("--")) expect([...known], `${verb} ${word}`).toContain(word);
}

const redisWords = ["--requirepass", "--appendonly", "--maxmemory-policy", "noeviction"];

describe("compose.yaml", () => {
  const service = z.object({
    image: z.string(),
    command: z.array(z.string()).min(1),
    restart: z.enum(["unless-stopped", "on-failure"]),
    mem_limit: z.string().regex(/^\d+[mg]$/),
    cpus: z.number().positive(),
    environment: z.object({ PHINETS_REDIS_PASSWORD: z.string().startsWith("$" + "{REDIS_PASSWORD:?") }).optional(),
  });
  const compose = z.strictObject({
    services: z.strictObject({ redis: service, sweep: service, worker: service }),
    volumes: z.record(z.string(), z.object({})),
  });

  it("has a Redis that keeps what it is told, a sweep and workers, each with limits", async () => {
    const { services } = compose.parse(parse(read("deploy/compose.yaml")));
    expect(services.redis.command).toEqual(expect.arrayContaining(redisWords));
    for (const { command, environment } of [services.sweep, services.worker]) {
      expect(environment).toBeDefined();
      await requireOptions(command);
    }
  });
});

describe("kubernetes", () => {
  const resources = z.object({ cpu: z.string(), memory: z.string().regex(/^\d+[MG]i$/) });
  const container = z.object({
    name: z.string(),
    image: z.string().regex(/:[\w.-]+$/),
    args: z.array(z.string()),
    env: z.array(z.object({ name: z.string(), valueFrom: z.object({ secretKeyRef: z.object({ name: z.string() }) }) })),
    resources: z.object({ requests: resources, limits: resources }),
    securityContext: z.object({
      allowPrivilegeEscalation: z.literal(false),
      capabilities: z.object({ drop: z.tuple([z.literal("ALL")]) }),
    }),
  });
  const workload = z.object({
    spec: z.object({
      template: z.object({
        metadata: z.object({ labels: z.object({ app: z.string() }) }),
        spec: z.object({
          securityContext: z.object({ runAsNonRoot: z.literal(true), runAsUser: z.int().positive() }),
          containers: z.tuple([container]),
        }),
      }),
    }),
  });
  const folder = "deploy/kubernetes";
  const documents = readdirSync(join(root, folder)).flatMap((name) =>
    parseAllDocuments(read(`${folder}/${name}`)).map((document) => {
      if ("errors" in document) expect(document.errors, name).toEqual([]);
      return z
        .looseObject({ apiVersion: z.string(), kind: z.string() })
        .parse((document as { toJS(): unknown }).toJS());
    }),
  );
  const ofKind = (kind: string) => documents.filter((document) => document.kind === kind);

  it("has a Redis, a sweep and workers, not root, with limits and the password from a secret", async () => {
    const kinds = documents.map(({ kind }) => kind).sort();
    const services = ["NetworkPolicy", "NetworkPolicy", "Service", "Service"];
    expect(kinds).toEqual([...services, "Deployment", "Job", "StatefulSet"].sort());
    for (const kind of ["StatefulSet", "Job", "Deployment"]) {
      const { template } = workload.parse(ofKind(kind)[0]).spec;
      const [{ args, env }] = template.spec.containers;
      expect(env[0].valueFrom.secretKeyRef.name).toBe("phinets-redis");
      if (kind === "StatefulSet") expect(args).toEqual(expect.arrayContaining(redisWords));
      else await requireOptions(args);
    }
  });

  it("has services that find their pods", () => {
    const apps = ["StatefulSet", "Job", "Deployment"].map(
      (kind) => workload.parse(ofKind(kind)[0]).spec.template.metadata.labels.app,
    );
    for (const service of ofKind("Service")) {
      const { spec } = z.object({ spec: z.object({ selector: z.object({ app: z.string() }) }) }).parse(service);
      expect(apps).toContain(spec.selector.app);
    }
  });
});

describe("the image", () => {
  const dockerfile = read("deploy/Dockerfile");
  it("is this version's, starts phinets, and is not root", () => {
    const { version } = JSON.parse(read("packages/cli/package.json")) as { version: string };
    expect(dockerfile).toContain(`ARG PHINETS_VERSION=${version}\n`);
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["phinets"\]$/m);
    for (const name of readdirSync(join(root, "deploy/kubernetes")))
      for (const [, found] of read(`deploy/kubernetes/${name}`).matchAll(/image: phinets:(\S+)/g))
        expect(found).toBe(version);
  });
});

it("docs/many-machines.md gives the Redis user that the tests use", () => {
  expect(read("docs/many-machines.md")).toContain(`ACL SETUSER ${redisUser.replace("secret", "SECRET")}`);
});
