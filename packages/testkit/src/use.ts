type Scope = "all" | "each";
type End = () => unknown;

interface Startable {
  stop?(): unknown;
  close?(): unknown;
}

const ofTest: End[] = [];
const ends = { all: new WeakMap<Mocha.Suite, End[]>(), each: new WeakMap<Mocha.Suite, End[]>() };

/**
 * Starts something before the tests of a `describe`, and ends it after them with its `close` or `stop`. The returned
 * object is empty at first and gets the properties of the started object before the tests. The object that was started
 * last ends first, after the `after` hooks of the `describe`.
 */
export function useForAll<T extends object>(start: () => Promise<T> | T): T {
  return use("all", before, start);
}

/** Works like `useForAll`, but starts before each test and ends after it. */
export function useForEach<T extends object>(start: () => Promise<T> | T): T {
  return use("each", beforeEach, start);
}

/**
 * Returns a function for things that the test has started. After the test it ends them with `close` or `stop`, the last
 * one first.
 */
export function useEnding(): <T extends Startable>(started: T) => T {
  afterEach(endTest);
  return (started) => {
    ofTest.push(() => endOf(started));
    return started;
  };
}

const endTest = (): Promise<void> => endAll(ofTest);

function use<T extends object>(scope: Scope, hook: Mocha.HookFunction, start: () => Promise<T> | T): T {
  const used = {} as T;
  hook(async function () {
    const started: T & Startable = await start();
    // Getters must be copied as getters.
    Object.defineProperties(used, Object.getOwnPropertyDescriptors(started));
    endLater(scope, this.runnable().parent!, () => endOf(started));
  });
  return used;
}

function endLater(scope: Scope, suite: Mocha.Suite, end: End): void {
  const known = ends[scope].get(suite);
  if (known) {
    known.push(end);
    return;
  }
  const added = [end];
  ends[scope].set(suite, added);
  if (scope === "all") suite.afterAll(() => endAll(added));
  else
    suite.afterEach(async () => {
      // A service that the test has started may need the world that was started before it, so it ends first.
      await endTest();
      await endAll(added);
    });
}

async function endAll(added: End[]): Promise<void> {
  for (const end of added.splice(0).reverse()) await end();
}

const endOf = (started: Startable): unknown => (started.close ?? started.stop)?.call(started);
