/** Who we are talking to and what we may do: the health check. */
export const READ_SHOP = `query LockstepShop {
  shop { id name myshopifyDomain }
  currentAppInstallation { accessScopes { handle } }
}`;
