import {
  ConfigError,
  describeVariables,
  libraryVariables,
  serviceNames,
  services,
  type ServiceName,
} from "@confab/config";
import { expect } from "chai";
import { environmentOf } from "./src/container-environment.ts";
import { expectNothingFound } from "./src/findings.ts";
import { renderWith } from "./src/scenarios.ts";
import type { Manifest } from "./src/manifests.ts";
import { workloadsOf } from "./src/workloads.ts";

/**
 * Variables that no service parses. HTTP_PROXY is a user's addition in the scenario "hardened"; confabctl reads the
 * others.
 */
const others: readonly string[] = [...Object.keys(libraryVariables), "CONFAB_URL", "CONFAB_INGEST_URL", "HTTP_PROXY"];

for (const service of serviceNames) {
  describe(`the environment of ${service}'s container`, () => {
    it("has only variables that its configuration knows, and all required ones", async () => {
      const variables = describeVariables(services[service].variables);
      const names = variables.map(({ name }) => name);
      const required = variables.filter((variable) => variable.required).map(({ name }) => name);
      await expectNothingFound((manifests) => {
        const given = serviceEnvironments(manifests, service).flatMap((env) => Object.keys(env));
        if (given.length === 0) return [];
        const plain = given.map((name) => name.replace(/_FILE$/, ""));
        return [
          ...given
            .filter((name) => !names.includes(name.replace(/_FILE$/, "")) && !others.includes(name))
            .map((name) => `${name} is not known`),
          ...required.filter((name) => !plain.includes(name)).map((name) => `${name} is missing`),
        ];
      });
    });

    it("is accepted by its configuration", async () => {
      const { load } = services[service];
      await expectNothingFound((manifests) =>
        serviceEnvironments(manifests, service).flatMap((env) => {
          try {
            load(env);
            return [];
          } catch (error) {
            if (!(error instanceof ConfigError)) throw error;
            return [error.message];
          }
        }),
      );
    });

    it("passes on what the values say about the stores", async () => {
      const [usual] = serviceEnvironments(await renderWith("--set", "redis.appendfsync=everysec"), service);
      expect(usual).to.include({ REDIS_DURABILITY: "everysec", DATABASE_SINGLE_WRITER: "off" });
      const [told] = serviceEnvironments(await renderWith("--set", "config.databaseSingleWriter=true"), service);
      expect(told).to.include({ REDIS_DURABILITY: "always", DATABASE_SINGLE_WRITER: "on" });
    });

    it("sets the shutdown timeout that the values say", async () => {
      const [env] = serviceEnvironments(await renderWith("--set", `${service}.shutdownTimeoutSeconds=7`), service);
      expect(env).to.include({ SHUTDOWN_TIMEOUT: "7s" });
    });
  });
}

describe("the environment of every container that runs confabctl", () => {
  it("has only variables that confabctl knows", () =>
    expectNothingFound((manifests) =>
      workloadsOf(manifests).flatMap(({ name, containers, initContainers }) =>
        [...containers, ...initContainers]
          .filter(({ args = [] }) => args.some((arg) => arg.includes("packages/cli/")))
          .flatMap((container) => Object.keys(environmentOf(container, manifests)))
          .filter(
            (variable) =>
              !/^(DATABASE_(URL|USERNAME|PASSWORD)|CONFAB_(INGEST_)?URL|CONFAB_KEY|ADMIN_API_KEY|APPLICATION_TOKEN)$/.test(
                variable,
              ),
          )
          .filter((variable) => !others.includes(variable))
          .map((variable) => `${name} has ${variable}`),
      ),
    ));
});

function serviceEnvironments(manifests: readonly Manifest[], service: ServiceName): Record<string, string>[] {
  return workloadsOf(manifests)
    .filter(({ kind, component }) => kind === "Deployment" && component === service)
    .map(({ containers }) => environmentOf(containers[0]!, manifests));
}
