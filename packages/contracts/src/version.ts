/** The only version of the API. Clients may request it with the `Confab-Version` header. */
export const apiVersion = "1";
