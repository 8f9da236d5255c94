/**
 * Returns the environment variables that every process of a test inherits: the path, and the variables that make Node
 * measure coverage or cache code.
 */
export function inherited(): NodeJS.ProcessEnv {
  const { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE } = process.env;
  return { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE };
}
