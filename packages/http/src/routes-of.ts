import type { Router } from "express";

interface MountedRoute {
  readonly method: string;
  readonly path: string;
}

/**
 * Returns every method and path of a router in the route table's notation, without those of routers that are mounted
 * under a path.
 */
export function routesOf(router: Router): MountedRoute[] {
  return router.stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : route.stack.map(({ method }) => ({ method, path: route.path.replaceAll(/:(\w+)/g, "{$1}") })),
  );
}
