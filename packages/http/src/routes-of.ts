import type { Router } from "express";

interface MountedRoute {
  readonly method: string;
  readonly path: string;
}

/**
 * Returns the method and path of each route of a router, in the route table's notation. Omits the routes of nested
 * routers.
 */
export function routesOf(router: Router): MountedRoute[] {
  return router.stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : route.stack.map(({ method }) => ({ method, path: route.path.replaceAll(/:(\w+)/g, "{$1}") })),
  );
}
