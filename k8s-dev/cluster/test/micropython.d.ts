declare module "@micropython/micropython-webassembly-pyscript/micropython.mjs" {
  interface MicroPython {
    readonly globals: { set: (name: string, value: unknown) => void };
    /** Throws what the Python code throws. */
    runPython: (code: string) => unknown;
  }
  export function loadMicroPython(options: { heapsize: number }): Promise<MicroPython>;
}
