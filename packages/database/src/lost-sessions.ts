/**
 * Lets the process survive sessions that end during their setup. The driver reports them to its caller, who treats the
 * server as unavailable, and a second time through a promise that no code can handle. Every other unhandled rejection
 * still ends the process. Only a program calls this, once: the handler is the process's, not a client's.
 */
export function ignoreLostSessionRejections(): void {
  process.on("unhandledRejection", (reason) => {
    if (!isLostSession(reason)) throw reason;
  });
}

function isLostSession(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "SqlError" && "fatal" in reason && reason.fatal === true;
}
