import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { findTool } from "@confab/cluster";

/** Settings of a pod with one container. All other settings follow the `restricted` profile. */
export interface PodSpec {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The user id, for images that name no user, such as the images of the stores. */
  readonly user?: number;
  readonly writable?: readonly string[];
  readonly ready?: object;
}

export type Namespace = Awaited<ReturnType<typeof createNamespace>>;

/** Creates a namespace in the current cluster of kubectl. It admits only pods of the `restricted` profile. */
export async function createNamespace() {
  const namespace = `confab-image-${randomBytes(3).toString("hex")}`;
  const inside = (...args: string[]) => kubectl(["--namespace", namespace, ...args]);
  const metadata = { name: namespace, labels: { "pod-security.kubernetes.io/enforce": "restricted" } };
  await kubectl(["apply", "-f", "-"], { apiVersion: "v1", kind: "Namespace", metadata });

  /** Waits until the container has exited. Resolves with its exit code. */
  async function exitOf(pod: string): Promise<number> {
    for (;;) {
      const { status } = JSON.parse(await inside("get", "pod", pod, "-o", "json")) as PodStatus;
      const terminated = status.containerStatuses?.[0]?.state.terminated;
      if (terminated !== undefined) return terminated.exitCode;
      await sleep(500);
    }
  }

  return {
    exitOf,
    /** Starts a pod that is never restarted. */
    run: (spec: PodSpec) => kubectl(["--namespace", namespace, "apply", "-f", "-"], podOf(spec)),
    /** Waits until the pod is ready. Resolves with its address. */
    ready: async (pod: string): Promise<string> => {
      await inside("wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=120s");
      return inside("get", "pod", pod, "-o", "jsonpath={.status.podIP}");
    },
    logs: (pod: string) => inside("logs", pod),
    exec: (pod: string, ...command: string[]) => inside("exec", pod, "--", ...command),
    remove: () => kubectl(["delete", "namespace", namespace, "--wait=false"]),
  };
}

interface PodStatus {
  status: {
    containerStatuses?: {
      state: { terminated?: { exitCode: number } };
    }[];
  };
}

function podOf({ name, image, args, env = {}, user, writable = [], ready }: PodSpec) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
        ...(user === undefined ? {} : { runAsUser: user, fsGroup: user }),
      },
      containers: [
        {
          name,
          image,
          args,
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          imagePullPolicy: "IfNotPresent",
          readinessProbe: ready,
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: writable.map((mountPath, index) => ({ name: `writable-${index}`, mountPath })),
        },
      ],
      volumes: writable.map((_, index) => ({ name: `writable-${index}`, emptyDir: {} })),
    },
  };
}

/** Runs kubectl. Rejects with its output if it fails. */
async function kubectl(args: string[], input?: object): Promise<string> {
  const program = await findTool("kubectl");
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`kubectl ${args.join(" ")}: ${stderr}${stdout}`));
    });
    child.stdin?.end(input === undefined ? "" : JSON.stringify(input));
  });
}
