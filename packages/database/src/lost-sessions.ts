let expected = false;

/**
 * Lets the process outlive sessions that end while they are being set up. The driver tells its caller of them, who treats them
 * like any server that is away, and a second time by a promise that nobody can reach; every other rejection that is not handled
 * still ends the process. Harmless to repeat.
 */
export function ignoreLostSessionRejections(): void {
  if (expected) return;
  expected = true;
  process.on("unhandledRejection", (reason) => {
    if (!isLostSession(reason)) throw reason;
  });
}

function isLostSession(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "SqlError" && "fatal" in reason && reason.fatal === true;
}
