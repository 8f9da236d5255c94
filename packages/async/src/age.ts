/**
 * Returns a function that returns the age, in milliseconds, of something that was learned now. A process that stood still, because it was
 * stopped or its machine was suspended, learns it from this: the monotonic clock continues while a process is stopped, and the other one while a
 * machine is suspended. A clock that was set forward makes things look older than they are, which costs learning them again.
 */
export function ageFromNow(): () => number {
  const [monotonic, wall] = [performance.now(), Date.now()];
  return () => Math.max(performance.now() - monotonic, Date.now() - wall);
}
