/** Prints each line behind the seconds since this call. */
export function createProgress(): (line: string) => void {
  const start = performance.now();
  return (line) => {
    console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  };
}
