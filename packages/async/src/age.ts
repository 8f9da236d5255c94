/**
 * Returns a function that returns the age in milliseconds of a value that is read now. The age is right even after the
 * process was stopped or its machine was suspended: the monotonic clock continues while a process is stopped, and the
 * wall clock while a machine is suspended. If the wall clock is set forward, values seem older than they are, and are
 * merely read again too early.
 */
export function ageFromNow(): () => number {
  const [monotonic, wall] = [performance.now(), Date.now()];
  return () => Math.max(performance.now() - monotonic, Date.now() - wall);
}
