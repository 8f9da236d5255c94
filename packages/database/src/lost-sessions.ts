/**
 * Keeps the process alive when a session ends during its setup. The driver reports this once to its caller, who treats
 * the server as unavailable, and a second time through a promise that no code can handle. Every other unhandled
 * rejection still ends the process. Only programs call this, and only once, because the handler applies to the whole
 * process.
 */
export function ignoreLostSessionRejections(): void {
  process.on("unhandledRejection", (reason) => {
    if (!isLostSession(reason)) throw reason;
  });
}

function isLostSession(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "SqlError" && "fatal" in reason && reason.fatal === true;
}
