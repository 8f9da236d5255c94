import type { IContainer, IPodSpec } from "kubernetes-models/v1";
import { findings } from "./findings.ts";

/** Volumes that the restricted Pod Security Standard allows. */
const volumeTypes = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);

/**
 * Returns the reasons why a namespace that enforces the restricted Pod Security Standard would refuse this pod.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function restrictedProblems(pod: IPodSpec): string[] {
  const types = (pod.volumes ?? []).flatMap((volume) => Object.keys(volume).filter((field) => field !== "name"));
  return [
    ...findings([
      pod.hostNetwork === true || pod.hostPID === true || pod.hostIPC === true,
      "shares a namespace with its node",
    ]),
    ...types.filter((type) => !volumeTypes.has(type)).map((type) => `mounts a volume of the type ${type}`),
    ...[...(pod.initContainers ?? []), ...pod.containers].flatMap((container) =>
      containerProblems(pod, container).map((problem) => `container ${container.name} ${problem}`),
    ),
  ];
}

function containerProblems(pod: IPodSpec, { securityContext: own = {}, ports = [] }: IContainer): string[] {
  const ofPod = pod.securityContext ?? {};
  const seccomp = (own.seccompProfile ?? ofPod.seccompProfile)?.type;
  return findings(
    [(own.runAsNonRoot ?? ofPod.runAsNonRoot) !== true, "may run as root"],
    [(own.runAsUser ?? ofPod.runAsUser) === 0, "runs as root"],
    [seccomp !== "RuntimeDefault" && seccomp !== "Localhost", "has no seccomp profile"],
    [own.allowPrivilegeEscalation !== false, "may gain privileges"],
    [own.privileged === true, "is privileged"],
    [!own.capabilities?.drop?.includes("ALL"), "keeps capabilities"],
    [own.capabilities?.add !== undefined, "adds capabilities"],
    [ports.some(({ hostPort }) => hostPort !== undefined), "takes a port of its node"],
  );
}
