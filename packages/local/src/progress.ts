/** Returns a function that prints a line with the number of seconds since this call in front. */
export function createProgress(): (line: string) => void {
  const start = performance.now();
  return (line) => {
    console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  };
}
