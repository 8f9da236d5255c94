/** Returns the variables that every process of a test inherits: the path, and what makes Node measure its coverage or cache its code. */
export function inherited(): NodeJS.ProcessEnv {
  const { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE } = process.env;
  return { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE };
}
