export * from "./application.ts";
export * from "./chat.ts";
export * from "./message.ts";
export * from "./openapi.ts";
export * from "./pagination.ts";
export * from "./problems.ts";
export * from "./queues.ts";
export * from "./routes.ts";
