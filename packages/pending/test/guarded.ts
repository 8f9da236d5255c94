import { expect } from "chai";
import { createWorld, type Chat, type Mutation, type World } from "./world.ts";

interface Given {
  world: World;
  chat: Chat;
  side: Awaited<ReturnType<World["connect"]>>;
}

/** A promise, the guard that keeps it, and a scenario that breaks it without the guard. */
export interface Guarded {
  promise: string;
  guard: Mutation;
  scenario: (given: Given) => Promise<void>;
}

/**
 * Runs each scenario twice. With the guard in the script, the promise must hold. Without the guard, the scenario must
 * fail.
 */
export function describeGuarded(title: string, scenarios: readonly Guarded[]): void {
  describe(title, function () {
    this.timeout(60_000);
    for (const { promise, guard, scenario } of scenarios) {
      const run = async (mutation?: Mutation): Promise<void> => {
        const world = await createWorld(mutation);
        try {
          await scenario({ world, chat: await world.createChat(), side: await world.connect() });
        } finally {
          await world.close();
        }
      };

      it(promise, () => run());

      it(`fails without its guard: ${promise}`, async () => {
        const error = await run(guard).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error, "the scenario must fail while the guard is off")
          .to.be.instanceOf(Error)
          .with.property("name", "AssertionError");
      });
    }
  });
}
