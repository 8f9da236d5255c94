/** Prints lines with the seconds since its making in front. */
export function createProgress(): (line: string) => void {
  const start = performance.now();
  return (line) => {
    console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  };
}
