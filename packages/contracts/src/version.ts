/** The only version of the API. Clients may ask for it in the `Confab-Version` header. */
export const apiVersion = "1";
